import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tryDocker } from './docker.ts';

/** Writes what each container has said, over all of its runs, into a file of its name. */
export async function saveLogs(
  folder: string,
  containers: readonly { name: string; container: string }[],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { name, container } of containers) {
    const { output } = await tryDocker(['logs', container]);
    await writeFile(join(folder, `${name}.log`), `${output}\n`);
  }
}
