/** How long one request may take, answer included (ms). The service promises 200 ms. */
export const REQUEST_TIMEOUT_MS = 5_000;

/**
 * What came back: an answer, or the reason why none did (then the other side may still have got the request). `ms`: from
 * the sending until then.
 */
export type Reply =
  | { answered: true; status: number; headers: Headers; body: unknown; ms: number }
  | { answered: false; reason: string; ms: number };

/**
 * Sends one request and reads its answer, JSON unless asked for something else. Connections are kept and used again by Node's
 * own fetch.
 */
export async function request(
  url: URL,
  options: { method?: 'GET' | 'POST'; headers?: Record<string, string>; body?: unknown } = {},
): Promise<Reply> {
  const started = performance.now();
  try {
    const response = await fetch(url, {
      method: options.method ?? 'GET',
      headers: {
        accept: 'application/json',
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      // A redirect would mean that the URL is not the service's: say so instead of voting elsewhere.
      redirect: 'manual',
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const text = await response.text();
    const ms = performance.now() - started;
    return { answered: true, status: response.status, headers: response.headers, body: parseJson(text), ms };
  } catch (error) {
    return { answered: false, reason: reasonOf(error as Error), ms: performance.now() - started };
  }
}

/** What an unwelcome reply says, in a few words. */
export function describeReply(reply: Reply): string {
  if (!reply.answered) return reply.reason;
  const { title, detail } = (reply.body ?? {}) as { title?: unknown; detail?: unknown };
  const words = [title, detail].filter((part) => typeof part === 'string');
  return words.length > 0 ? `${reply.status}: ${words.join('. ')}` : `status ${reply.status}`;
}

/** Whether the same request may well succeed later: nobody answered, or the answer asks to come back. */
export function isWorthRetrying(reply: Reply): boolean {
  return !reply.answered || reply.status === 429 || reply.status >= 500;
}

/** How long the answer asks to wait (ms), undefined if it does not say. */
export function retryAfterMs(reply: Reply, now = Date.now()): number | undefined {
  const value = reply.answered ? reply.headers.get('retry-after') : null;
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(error: Error): string {
  if (error.name === 'TimeoutError') return `no answer within ${REQUEST_TIMEOUT_MS / 1_000} s`;
  // fetch says only "fetch failed"; what happened stands in its cause.
  const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException;
  return code ?? (message || error.message);
}
