import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { build } from 'esbuild';

const ours = import.meta.dirname;

/**
 * Puts what an app's pages need next to the compiled service: `dist/public/assets`, `dist/assets.json` and `dist/views`,
 * each with what all our pages share. Ends the process with code 1 where something does not build; esbuild has said what.
 * @param app the app's folder. @param script its browser code's entry, seen from there.
 */
export async function buildPages(app, script) {
  // As one wants to read it in a browser's debugger.
  const developing = process.argv.includes('--development');
  const dist = join(app, 'dist');

  // Names change with the content: what is left of earlier builds would stay for ever.
  await rm(join(dist, 'public'), { recursive: true, force: true });
  await rm(join(dist, 'views'), { recursive: true, force: true });

  const { metafile } = await build({
    absWorkingDir: app,
    entryPoints: {
      [basename(script, '.ts')]: script,
      style: join(ours, 'browser/style.css'),
      icon: join(ours, 'browser/icon.svg'),
      touch: join(ours, 'browser/touch.png'),
      preview: join(ours, 'browser/preview.png'),
    },
    entryNames: '[name]-[hash]',
    outdir: 'dist/public/assets',
    loader: { '.svg': 'copy', '.png': 'copy' },
    bundle: true,
    // From our packages' sources: in development they are not compiled.
    conditions: ['@hbf/source'],
    minify: !developing,
    sourcemap: developing && 'inline',
    format: 'esm',
    target: ['es2022', 'chrome105', 'firefox121', 'safari16'],
    metafile: true,
    logLevel: 'warning',
  }).catch(() => process.exit(1));

  const files = Object.keys(metafile.outputs).map((file) => basename(file));
  const one = (start, end) =>
    `/assets/${files.find((file) => file.startsWith(`${start}-`) && file.endsWith(end))}`;
  await writeFile(
    join(dist, 'assets.json'),
    JSON.stringify({
      script: one(basename(script, '.ts'), '.js'),
      style: one('style', '.css'),
      icon: one('icon', '.svg'),
      touchIcon: one('touch', '.png'),
      preview: one('preview', '.png'),
    }),
  );
  await cp(join(ours, 'views'), join(dist, 'views'), { recursive: true });
  await cp(join(app, 'views'), join(dist, 'views'), { recursive: true });
  if (!developing)
    await Promise.all(files.filter(isText).map((file) => compress(join(dist, 'public/assets', file))));
}

const isText = (file) => /\.(js|css|svg)$/.test(file);

async function compress(file) {
  const content = await readFile(file);
  const best = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
  await writeFile(`${file}.br`, await promisify(brotliCompress)(content, best));
  await writeFile(`${file}.gz`, await promisify(gzip)(content, { level: 9 }));
}
