// Puts what the pages need next to the compiled service: dist/assets.
// `--development`: as one wants to read it in a browser's debugger.
import { join } from 'node:path';
import { build } from 'esbuild';

const developing = process.argv.includes('--development');

await build({
  absWorkingDir: join(import.meta.dirname, '..'),
  entryPoints: ['browser/poll.ts', 'browser/style.css'],
  outdir: 'dist/assets',
  bundle: true,
  // From our packages' sources: in development they are not compiled.
  conditions: ['@hbf/source'],
  minify: !developing,
  sourcemap: developing && 'inline',
  target: 'es2022',
  logLevel: 'warning',
  // What is wrong it has said.
}).catch(() => process.exit(1));
