/** The kinds of failure that the APIs name (RFC 9457); docs/api.md documents each. */
export const PROBLEMS = {
  malformed: { status: 400, title: 'The request is malformed' },
  'no-voter': { status: 401, title: 'We do not know this browser yet' },
  'poll-closed': { status: 403, title: 'The poll is closed' },
  'poll-not-yet-open': { status: 403, title: 'The poll is not yet open' },
  'cross-site': { status: 403, title: 'The request came from another site' },
  'not-found': { status: 404, title: 'There is nothing here' },
  'unknown-poll': { status: 404, title: 'There is no such poll' },
  'unknown-receipt': { status: 404, title: 'This is not a receipt of ours' },
  'too-large': { status: 413, title: 'The request is too large' },
  'unsupported-media-type': { status: 415, title: 'This content type is not understood here' },
  'choices-refused': { status: 422, title: 'These choices do not fit the poll' },
  'too-many-requests': { status: 429, title: 'Too many at once' },
  internal: { status: 500, title: 'Something went wrong on our side' },
  'not-accepted': { status: 503, title: 'The ballot was not accepted' },
  unconfirmed: { status: 503, title: 'The ballot could not be confirmed' },
  unavailable: { status: 503, title: 'This cannot be answered right now' },
} as const;

export type ProblemName = keyof typeof PROBLEMS;

/** The `type` of a problem: a URI reference, resolved against the service that answered. */
export function problemType(name: ProblemName): string {
  return `/problems/${name}`;
}

/** The body of a failed request, `application/problem+json`. */
export type Problem = {
  type: string;
  title: string;
  status: number;
  /** What is wrong here and what to do, for a person. */
  detail?: string;
  /** Seconds after which a second try makes sense; the header Retry-After says the same. */
  retryAfter?: number;
};
