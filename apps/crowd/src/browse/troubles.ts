import type { Page, Request } from 'playwright-core';

/**
 * Collects what goes wrong in a page without stopping it: a part that does not come, a script that fails. The page itself is
 * no part, and is judged by its answer; nor is what a script asks for. Of a ballot the page tells what was answered, and shows
 * a receipt or does not; what becomes of that is asked again until it is known, and nobody misses one answer.
 * @param origins where the services are for this crowd. A page may name another address for the same service, as people
 * outside need it, and whether that is reached from here says nothing.
 * @returns what takes all since the last time, in words.
 */
export function watchTroubles(page: Page, origins: readonly string[]): () => string[] {
  let troubles: string[] = [];
  const isOurs = (url: string) => origins.includes(new URL(url).origin);
  const isPart = (request: Request) =>
    isOurs(request.url()) && !['document', 'fetch', 'xhr'].includes(request.resourceType());
  page.on('pageerror', (error) => void troubles.push(`its script failed: ${error.message.split('\n')[0]}`));
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? 'failed';
    // What is under way when somebody leaves the page is not missing.
    if (why !== 'net::ERR_ABORTED' && isPart(request)) troubles.push(`${pathOf(request.url())}: ${why}`);
  });
  page.on('response', (response) => {
    if (isPart(response.request()) && response.status() >= 400)
      troubles.push(`${pathOf(response.url())}: status ${response.status()}`);
  });
  return () => {
    const taken = troubles;
    troubles = [];
    return taken;
  };
}

/** Without a query, which may differ from voter to voter: the same fault is to be counted as the same. */
function pathOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
