/** Where to write: a terminal or a log. */
export type Output = { write(text: string): unknown; isTTY?: boolean; columns?: number };

/** Says how far something is: a terminal sees one line that changes, a log gets a line now and then. */
export type Progress = {
  /**
   * Shows the current state, unless it was shown a moment ago.
   * @param share of the work that is done (0 to 1): a log gets a line for every tenth, and at least one a second.
   */
  update(line: string, share?: number): void;
  /** Writes a line that stays. */
  print(line: string): void;
  /** Takes the changing line away, so that others can write. */
  clear(): void;
};

const TERMINAL_INTERVAL_MS = 100;
const LOG_INTERVAL_MS = 1_000;
const CLEAR_LINE = '\r\u001b[2K';

export function createProgress(output: Output, now: () => number = () => performance.now()): Progress {
  let shownAt = Number.NEGATIVE_INFINITY;
  let shownTenth = 0;
  let open = false;

  const isDue = (share: number) => {
    const tenth = Math.floor(share * 10);
    if (output.isTTY) return now() - shownAt >= TERMINAL_INTERVAL_MS || share === 1;
    if (tenth === shownTenth && now() - shownAt < LOG_INTERVAL_MS) return false;
    shownTenth = tenth;
    return true;
  };

  const clear = () => {
    if (open) output.write(CLEAR_LINE);
    open = false;
  };

  return {
    clear,
    update(line, share = 0) {
      if (!isDue(share)) return;
      shownAt = now();
      if (!output.isTTY) {
        output.write(`${line}\n`);
        return;
      }
      // A longer line would wrap, and only its last part be cleared by the next.
      output.write(CLEAR_LINE + line.slice(0, (output.columns ?? 80) - 1));
      open = true;
    },
    print(line) {
      clear();
      output.write(`${line}
`);
    },
  };
}
