import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../system/project.ts';

const RESULTS = join(ROOT, 'test-results', 'drills');

/**
 * Makes a folder for what a run leaves behind: `<name>-<seed>` below test-results/drills, or with `.2`, `.3` … behind it
 * where an earlier run has left that. So a run repeated with its seed takes nothing from what it is to explain, and who
 * made a folder may delete it.
 * @returns its absolute path; it is empty.
 */
export function makeFreeFolder(name: string, seed: string, below = RESULTS): string {
  mkdirSync(below, { recursive: true });
  // A seed is any text.
  const path = join(below, `${name}-${seed}`.replaceAll(/[^\w.-]/g, '_'));
  for (let time = 1; ; time += 1) {
    const folder = time === 1 ? path : `${path}.${time}`;
    try {
      mkdirSync(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
