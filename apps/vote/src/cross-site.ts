import type { Request } from 'express';

/**
 * Whether a request was made by another site's page. Judged by Sec-Fetch-Site, which no page can set; by Origin where
 * the browser sends none (it does so over plain http only); a client that sends neither is no browser.
 *
 * "same-site" does not pass: it takes in every other port and sub-domain.
 *
 * @param publicUrl the origin under which browsers see this service, should a proxy change the Host header.
 */
export function isCrossSite(req: Request, publicUrl: string | undefined): boolean {
  const site = req.headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { origin, host } = req.headers;
  if (origin === undefined) return false;
  if (origin === publicUrl) return false;
  try {
    const { protocol, host: sender } = new URL(origin);
    // Read as a URL, so that a default port written out is no difference.
    return sender === '' || sender !== new URL(`${protocol}//${host}`).host;
  } catch {
    return true; // "null" too: a sandboxed frame, a local file, a redirect from elsewhere
  }
}
