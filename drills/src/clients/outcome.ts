import type { Exchange } from './http.ts';

/** What a voter knows about a ballot. */
export type Outcome =
  | { type: 'ok'; receipt: string }
  /** Surely not accepted. */
  | { type: 'fail'; answer: string }
  /** It may count. */
  | { type: 'unknown'; answer: string };

/**
 * Reads the answer to a ballot as docs/api.md promises it. Whatever is not promised there (an answer of some proxy, half
 * an answer, a 202 without a receipt) proves nothing.
 */
export function outcomeOf(exchange: Exchange): Outcome {
  if (exchange.outcome === 'never-sent') return { type: 'fail', answer: exchange.code };
  if (exchange.outcome === 'no-answer') return { type: 'unknown', answer: exchange.code };
  const { status } = exchange;
  const { receipt, type } = parse(exchange.text);
  if (status === 202) {
    return typeof receipt === 'string'
      ? { type: 'ok', receipt }
      : { type: 'unknown', answer: '202 without a receipt' };
  }
  if (typeof type !== 'string' || !type.startsWith('/problems/')) {
    return { type: 'unknown', answer: String(status) };
  }
  const refused = (status >= 400 && status < 500) || (status === 503 && type === '/problems/not-accepted');
  return { type: refused ? 'fail' : 'unknown', answer: type };
}

function parse(text: string): { receipt?: unknown; type?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
