import { readFileSync } from 'node:fs';
import type { RequestHandler } from 'express';
import sirv from 'sirv';

/** The paths under which the built files are served; their names change with their content. */
export type Assets = { script: string; style: string; icon: string; touchIcon: string; preview: string };

/** Reads what `buildPages` wrote. @param dist the app's `dist`, as a URL that ends with a slash. */
export function readAssets(dist: URL): Assets {
  return JSON.parse(readFileSync(new URL('assets.json', dist), 'utf8'));
}

/**
 * Serves the built files, compressed ahead where the client takes that, to be kept for ever. What is not there is left to
 * the next handler.
 * @param directory the folder that holds `assets/`.
 */
export function serveAssets(directory: string): RequestHandler {
  return sirv(directory, {
    brotli: true,
    gzip: true,
    etag: true,
    setHeaders(res, path) {
      res.setHeader('Cache-Control', 'public, max-age=31536000, immutable');
      const text = path.endsWith('.js') ? 'javascript' : path.endsWith('.css') ? 'css' : undefined;
      if (text) res.setHeader('Content-Type', `text/${text}; charset=utf-8`);
    },
  });
}
