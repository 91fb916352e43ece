import { NOT_ACCEPTED_REASONS } from '@hbf/ballot-stream/producer';
import type { ProblemName } from '@hbf/contracts/problems';
import { requestDuration } from '@hbf/service-kit/metrics';
import { Counter, Gauge, type Registry } from 'prom-client';
import { BUDGETS } from './limits/budgets.ts';
import { PASSES } from './limits/pass.ts';

/** Why a ballot was refused: every value that the label may have. */
const REFUSALS = [
  'cross-site',
  'unsupported-media-type',
  'too-large',
  'malformed',
  'unknown-poll',
  'no-voter',
  'poll-closed',
  'poll-not-yet-open',
  'choices-refused',
  'too-many-requests',
  'not-accepted',
  'unconfirmed',
  'internal',
] as const satisfies readonly ProblemName[];

const BALLOT_REFUSALS = [400, 401, 403, 404, 413, 415, 422, 429];
const BALLOT_BY_FORM = [303, ...BALLOT_REFUSALS];

/** What each route can answer; 500 and 503 besides, wherever a request may fail. */
const ANSWERS: readonly [method: string, route: string, statuses: readonly number[]][] = [
  ['GET', '/', [200, 404]],
  ['POST', '/', BALLOT_BY_FORM],
  ['GET', '/p/:poll', [200, 404]],
  ['POST', '/p/:poll', BALLOT_BY_FORM],
  ['GET', '/polls', [200]],
  ['GET', '/api/polls', [200]],
  ['GET', '/api/polls/:poll', [200, 404]],
  ['POST', '/api/polls/:poll/ballots', [202, ...BALLOT_REFUSALS]],
  ['GET', '/problems', [200]],
  ['GET', '/problems/:name', [200, 404]],
  ['GET', '/assets/*file', [200, 206, 304, 400, 404, 416]],
  // An address that cannot be decoded is a 400 before any route is found.
  ['GET', 'unmatched', [400, 404]],
  ['POST', 'unmatched', [400, 404]],
];

/** Why a ballot was not accepted that was never sent to Redis: its voter had gone. */
export const VOTER_LEFT = 'voter-left';

export type VoteMetrics = ReturnType<typeof createVoteMetrics>;

/** All that this service measures of its own. Every series starts at zero, so that its first increase is seen. */
export function createVoteMetrics(registry: Registry) {
  const registers = [registry];
  const duration = requestDuration(registry);
  for (const [method, route, statuses] of ANSWERS) {
    for (const status of [...statuses, 500, 503]) {
      duration.zero({ method, route, status_code: String(status) });
    }
  }
  const accepted = new Counter({
    name: 'ballots_accepted_total',
    help: 'Ballots that voters were told are accepted',
    registers,
  });
  const refused = new Counter({
    name: 'ballots_refused_total',
    help: 'Ballots that voters were told are not accepted, or could not be confirmed, by the type of the problem',
    labelNames: ['reason'],
    registers,
  });
  for (const reason of REFUSALS) refused.inc({ reason }, 0);
  const notAccepted = new Counter({
    name: 'ballots_not_accepted_total',
    help: 'Ballots refused as not-accepted, by what was wrong with the way to Redis',
    labelNames: ['cause'],
    registers,
  });
  for (const cause of [...NOT_ACCEPTED_REASONS, VOTER_LEFT]) notAccepted.inc({ cause }, 0);
  return { duration, accepted, refused, notAccepted, ...createLimitMetrics(registers) };
}

function createLimitMetrics(registers: Registry[]) {
  const limitsEnabled = new Gauge({
    name: 'limits_enabled',
    help: '1 while ballots are limited; 0: VOTE_LIMITS is off',
    registers,
  });
  const limitsStoreAway = new Gauge({
    name: 'limits_store_away',
    help: '1 while LIMITS_REDIS_URL is set and cannot be used, so that each process counts ballots by itself',
    registers,
  });
  const overLimit = new Counter({
    name: 'ballots_over_limit_total',
    help: 'Ballots refused as too-many-requests, by the budget that had nothing left',
    labelNames: ['limit'],
    registers,
  });
  for (const limit of BUDGETS) overLimit.inc({ limit }, 0);
  const unlimited = new Counter({
    name: 'ballots_unlimited_total',
    help: 'Ballots that the limits did not count, by what let them pass',
    labelNames: ['by'],
    registers,
  });
  for (const by of PASSES) unlimited.inc({ by }, 0);
  const crowdKeysRefused = new Counter({
    name: 'crowd_keys_refused_total',
    help: 'Ballots that came with a Crowd-Key that is none of CROWD_KEYS',
    registers,
  });
  return { limitsEnabled, limitsStoreAway, overLimit, unlimited, crowdKeysRefused };
}
