/** What is to be undone, last things first. */
export type Cleanup = {
  add(undo: () => Promise<void> | void): void;
  /** Runs all of it once, even where some of it fails. @throws the first failure. */
  run(): Promise<void>;
};

export function createCleanup(): Cleanup {
  const undos: (() => Promise<void> | void)[] = [];
  let running: Promise<void> | undefined;
  const runAll = async () => {
    const failures: unknown[] = [];
    for (let undo = undos.pop(); undo; undo = undos.pop()) {
      try {
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  };
  return {
    add(undo) {
      undos.push(undo);
    },
    run() {
      running ??= runAll();
      return running;
    },
  };
}
