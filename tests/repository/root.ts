import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What is installed, built or left behind by a run. */
const NOT_OURS =
  /^(node_modules|dist|test-results|secrets|\.git|\.local|\.turbo|\.pnpm-store|\.docker-data)$/;

/** A file of the repository, by its path from the root. Throws where it is missing. */
export const readSource = (path: string): string => readFileSync(`${ROOT}/${path}`, 'utf8');

/** The paths of all files below a folder, from the root. */
export const listSources = (folder = ''): string[] =>
  readdirSync(`${ROOT}/${folder}`, { withFileTypes: true })
    .filter(({ name }) => !NOT_OURS.test(name))
    .flatMap((entry) => {
      const path = `${folder}${entry.name}`;
      return entry.isDirectory() ? listSources(`${path}/`) : [path];
    });
