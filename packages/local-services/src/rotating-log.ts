import { closeSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const LARGEST_BYTES = 10 * 1024 * 1024;

/**
 * A log file that begins anew with each run, and at 10 MB; what was there before is kept as `<path>.1`. So two
 * files of 10 MB are the most that it ever takes.
 */
export class RotatingLog {
  readonly path: string;
  readonly #largest: number;
  #file: number | undefined;
  #size = 0;

  constructor(path: string, largestBytes = LARGEST_BYTES) {
    this.path = path;
    this.#largest = largestBytes;
    mkdirSync(dirname(path), { recursive: true });
    this.#begin();
  }

  #begin(): void {
    this.close();
    try {
      renameSync(this.path, `${this.path}.1`);
    } catch {
      // there was none
    }
    this.#file = openSync(this.path, 'w', 0o600);
    this.#size = 0;
  }

  write(line: string): void {
    if (this.#file === undefined) return;
    if (this.#size >= this.#largest) this.#begin();
    this.#size += writeSync(this.#file, `${line}\n`);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
