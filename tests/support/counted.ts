/** How many requests an edge has counted, by router and status, as `vote@file 202`. */
export async function countedAt(target: string): Promise<Map<string, number>> {
  const text = await (await fetch(`http://${target}/metrics`)).text();
  const lines = text.matchAll(/^traefik_router_requests_total\{code="(\d+)".*router="([^"]+)".*\} (\S+)$/gm);
  const all = new Map<string, number>();
  for (const [, code, router, count] of lines) {
    const key = `${router} ${code}`;
    all.set(key, (all.get(key) ?? 0) + Number(count));
  }
  return all;
}
