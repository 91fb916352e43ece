import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { removeAtEnd } from '@hbf/local-services/guardian';
import { ROOT } from './project.ts';

/** One mechanism switched off: in the file of the build whose path ends with `file`, `find` becomes `replace`. */
export type Mutation = { file: string; find: string; replace: string };

/** What of an app or package a service needs to run. Links to other packages lead into the copy, as they are relative. */
const RUNNING_PARTS = ['dist', 'views', 'public', 'migrations', 'node_modules', 'package.json'];

/** Copies the build; returns the paths of its files. */
function copyTo(folder: string): string[] {
  const files: string[] = [];
  for (const group of ['apps', 'packages']) {
    for (const name of readdirSync(join(ROOT, group))) {
      for (const part of RUNNING_PARTS) {
        const [from, to] = [join(ROOT, group, name, part), join(folder, group, name, part)];
        if (!existsSync(from)) continue;
        mkdirSync(join(folder, group, name), { recursive: true });
        cpSync(from, to, { recursive: true, verbatimSymlinks: true });
        if (part === 'node_modules' || part === 'package.json') continue;
        for (const entry of readdirSync(to, { recursive: true, encoding: 'utf8' }))
          files.push(join(to, entry));
      }
    }
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  return files;
}

function mutate(files: readonly string[], { file, find, replace }: Mutation): void {
  const matches = files.filter((path) => path.endsWith(`${sep}${file}`));
  if (matches.length !== 1)
    throw new Error(`mutation: ${matches.length} files of the build are named ${file}`);
  const path = matches[0]!;
  const text = readFileSync(path, 'utf8');
  if (!text.includes(find)) throw new Error(`mutation: ${file} does not contain: ${find}`);
  writeFileSync(
    path,
    text.replace(find, () => replace),
  );
}

/**
 * Makes a copy of the build with mutations, which ends with this process. Several to one file are applied in turn.
 * @returns its folder, for SystemOptions.build and ReplicaOptions.build.
 * @throws when a mutation changes nothing, so that none can silently prove nothing.
 */
export async function copyBuild(mutations: readonly Mutation[]): Promise<string> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'hbf-build-'));
  removeAtEnd(folder);
  const files = copyTo(folder);
  for (const mutation of mutations) mutate(files, mutation);
  return folder;
}
