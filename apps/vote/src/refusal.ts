import { PROBLEMS, type ProblemName } from '@hbf/contracts/problems';
import type { Said } from './words/words.ts';

/** An answer of "no", whether a page or a problem says it. */
export type Refusal = {
  problem: ProblemName;
  /** What is wrong here and what to do, for a person. */
  detail: Said;
  /** After how many seconds a second try makes sense, where this refusal knows better than its kind. */
  retryAfter?: number;
};

/** After how many seconds a second try makes sense; undefined where it makes none. */
export function retryAfter({ problem, retryAfter }: Refusal): number | undefined {
  return retryAfter ?? (PROBLEMS[problem].status === 503 ? 1 : undefined);
}

/** Reads what the framework and its body parser throw at a client's fault. Anything else is our own: `internal`. */
export function refusalOf(error: unknown): Refusal['problem'] {
  const { type, status } = error as { type?: string; status?: number };
  if (type === 'encoding.unsupported' || type === 'charset.unsupported') return 'unsupported-media-type';
  if (status === 404) return 'not-found';
  if (status === 413) return 'too-large';
  if (status !== undefined && status >= 400 && status < 500) return 'malformed';
  return 'internal';
}
