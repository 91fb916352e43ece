import type { ProblemName } from '@hbf/contracts/problems';

/** What each problem that this service answers with means, and what to do about it. */
export const PROBLEM_ADVICE: Partial<Record<ProblemName, string>> = {
  malformed: 'The message cannot be read. Emit "watch" with the key of a poll and a function for the answer.',
  'not-found':
    'Nothing is served at this address with this method. This service is only read from: check both.',
  'unknown-poll': 'Check the key. The first page shows the first poll and lists the others.',
  'unknown-receipt': 'The receipt was not issued here, or a letter of it was changed. Copy it whole.',
  'too-many-requests': 'One connection watches too many polls. Open another one for more.',
  internal: 'This is a fault of ours, and it is logged under the id that the header X-Request-Id names.',
  unavailable:
    'The service cannot reach what it needs to answer. No ballot is affected by that. Ask again after as many seconds as Retry-After says.',
};

/** Of a problem that is not in the list. */
export const ONLY_FROM_VOTE =
  'This service never answers with it; the vote service does. The same address there says what it means and what to do.';
