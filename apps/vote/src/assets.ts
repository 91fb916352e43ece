import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// The package's dist, seen from its src as well: tests run the sources with the built assets.
const dist = new URL('../dist/', import.meta.url);

export const viewsDirectory = fileURLToPath(new URL('views/', dist));
export const publicDirectory = fileURLToPath(new URL('public/', dist));

/** The paths under which the built files are served; their names change with their content. */
export type Assets = { script: string; style: string; icon: string };

export function readAssets(): Assets {
  return JSON.parse(readFileSync(new URL('assets.json', dist), 'utf8'));
}
