import type { ProblemName } from '@hbf/contracts/problems';

/** What each problem means and what to do about it, for whoever follows a problem's `type`. */
export const PROBLEM_ADVICE: Record<ProblemName, string> = {
  malformed:
    'The request cannot be read. Send a JSON object with the one field "choices", a list of options\' keys, and an Idempotency-Key, if any, of 1 to 200 printable ASCII characters.',
  'no-voter':
    "The poll counts one voter per browser and knows it by a signed cookie. Get the poll's page, or GET /api/polls/:poll, keep the cookie that comes with it, and send it with the ballot. A cookie that was changed or signed with a key no longer in use is none.",
  'poll-closed': 'The ballot was not accepted and does not count. The result page shows how the poll ended.',
  'poll-not-yet-open':
    'The ballot was not accepted and does not count. Vote after the time that the poll names as opensAt.',
  'cross-site':
    "A browser sent the request from another site's page. Ballots are cast on this service's own pages, or by programs that send neither Sec-Fetch-Site nor Origin.",
  'not-found': 'Nothing is served at this address with this method. Check both.',
  'unknown-poll': 'Check the key. GET /api/polls lists the polls.',
  'unknown-receipt': 'The receipt was not issued here, or not a letter of it may change. Copy it whole.',
  'too-large': 'A body may have 4096 bytes. A ballot needs far less.',
  'unsupported-media-type':
    'The API takes application/json and the pages take application/x-www-form-urlencoded, both in UTF-8 and not compressed.',
  'choices-refused':
    'Choose options that the poll has, each at most once, and as many as the poll asks for. GET /api/polls/:poll tells them.',
  'too-many-requests':
    'More ballots came from one voter, or from one network, than anybody needs. The ballot was not accepted; one that was accepted before still counts. Send it again after as many seconds as Retry-After says. Whoever votes from a network with very many voters can ask the host to raise its limit.',
  internal:
    'This is a fault of ours and is logged under the id that X-Request-Id names. A ballot that came with the request may count; the answer says whether a second try can count twice.',
  'not-accepted':
    'The ballot is surely not accepted and never counts: the store could not take it. Send it again after as many seconds as Retry-After says.',
  unconfirmed:
    'The ballot was sent to the store and no answer came in time: it may count. Send it again; the same voter is counted once. In an open poll only a ballot with the same Idempotency-Key comes from the same voter.',
  unavailable:
    'The service cannot reach what it needs to answer. Ask again after as many seconds as Retry-After says.',
};
