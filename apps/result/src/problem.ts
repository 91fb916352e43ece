import { PROBLEMS, type Problem, type ProblemName, problemType } from '@hbf/contracts/problems';

/** Makes a problem of a documented kind. @param retryAfter seconds after which a second try makes sense. */
export function problem(name: ProblemName, detail: string, retryAfter?: number): Problem {
  const { title, status } = PROBLEMS[name];
  return {
    type: problemType(name),
    title,
    status,
    detail,
    ...(retryAfter !== undefined && { retryAfter }),
  };
}

/** What every part of this service answers when it has nothing to tell yet, or no way to find out. */
export const unavailable = (detail: string) => problem('unavailable', detail, 1);

export const NO_TALLY_YET = 'No tally could be read since this service started. Try again in a moment.';
export const NO_SUCH_POLL =
  'There is no poll with this key. The page at / shows the first poll and lists the others.';
