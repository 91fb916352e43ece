// Puts what the pages need next to the compiled service: dist/views, dist/public and dist/assets.json.
// `--development`: as one wants to read it in a browser's debugger.
import { cp, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { build } from 'esbuild';

const developing = process.argv.includes('--development');

process.chdir(`${import.meta.dirname}/..`);

// Names change with the content: what is left of earlier builds would stay for ever.
await rm('dist/public', { recursive: true, force: true });
await rm('dist/views', { recursive: true, force: true });

const { metafile } = await build({
  absWorkingDir: process.cwd(),
  entryPoints: { vote: 'browser/vote.ts', style: 'browser/vote.css', icon: 'browser/icon.svg' },
  entryNames: '[name]-[hash]',
  outdir: 'dist/public/assets',
  loader: { '.svg': 'copy' },
  bundle: true,
  // From our packages' sources: in development they are not compiled.
  conditions: ['@hbf/source'],
  minify: !developing,
  sourcemap: developing && 'inline',
  format: 'esm',
  target: ['es2022', 'chrome105', 'firefox121', 'safari16'],
  metafile: true,
  logLevel: 'warning',
  // What is wrong it has said.
}).catch(() => process.exit(1));

const built = Object.keys(metafile.outputs).map((file) => `/assets/${basename(file)}`);
const one = (start, end) => built.find((path) => path.startsWith(`/assets/${start}-`) && path.endsWith(end));
await writeFile(
  'dist/assets.json',
  JSON.stringify({ script: one('vote', '.js'), style: one('style', '.css'), icon: one('icon', '.svg') }),
);
await cp('views', 'dist/views', { recursive: true });
