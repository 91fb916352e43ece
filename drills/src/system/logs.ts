import { closeSync, cpSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** The logs of a system's parts, one file each. */
export type Logs = {
  /** Gives what writes the lines of a part; the same file for the same name. */
  of(name: string): (line: string) => void;
  saveTo(folder: string): void;
  close(): void;
};

export function openLogs(folder: string): Logs {
  mkdirSync(folder, { mode: 0o700 });
  const files = new Map<string, number>();
  let closed = false;
  return {
    of(name) {
      return (line) => {
        // The last words of a process may come late.
        if (closed) return;
        let file = files.get(name);
        if (file === undefined) {
          file = openSync(join(folder, `${name}.log`), 'a');
          files.set(name, file);
        }
        // At once, so that a drill that is killed leaves whole logs behind.
        writeSync(file, `${line}\n`);
      };
    },
    saveTo(target) {
      mkdirSync(target, { recursive: true });
      cpSync(folder, target, { recursive: true });
    },
    close() {
      closed = true;
      for (const file of files.values()) closeSync(file);
      files.clear();
    },
  };
}
