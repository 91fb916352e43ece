import type { FinalState } from '../events.ts';
import type { Evidence } from '../evidence.ts';
import type { Violation } from '../violation.ts';
import { boundsOf, type Told, tellByPartition } from './told.ts';

/** The books of one partition, at the end or at an earlier moment. */
type Row = FinalState['partitions'][number];

/**
 * The books of each partition against the history: nothing missing, nothing twice, nothing lost without a cause. Not only
 * in the end: where everything was settled in between, what came later excuses nothing.
 */
export function checkAccounts(evidence: Evidence): Violation[] {
  const { final, settled, faults } = evidence;
  const told = tellByPartition(evidence);
  const violations: Violation[] = [];
  for (const [index, row] of final.partitions.entries()) {
    const own = told[index]!;
    const say = (at: number, rule: Violation['rule'], what: string): void => {
      const when = at === Number.POSITIVE_INFINITY ? '' : ` at ${at} ms`;
      violations.push({ rule, what: `partition ${row.partition}${when}: ${what}` });
    };
    let exactUntil = Number.NEGATIVE_INFINITY;
    const judge = (books: Row, since: number, at: number): void => {
      const isLossy = faults.some(({ loses, begins }) => loses && begins <= at);
      for (const [rule, what] of judgeBooks(books, own, since, at, isLossy)) say(at, rule, what);
      if (!books.isLowerBound) exactUntil = since;
    };
    for (const { at, since, partitions } of settled) {
      const books = partitions.find(({ partition }) => partition === row.partition);
      if (books) judge(books, since, at);
      else say(at, 'nothing-is-missing', 'its books are not there');
    }
    judge(row, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    // Only a lower bound excuses that fewer are missed than are lost, and only since the books were last exact.
    const { lost } = boundsOf(own, exactUntil, Number.POSITIVE_INFINITY);
    if (row.lost < lost) {
      say(
        Number.POSITIVE_INFINITY,
        'lost-is-declared',
        `${lost} receipts say lost, and only ${row.lost} are missed`,
      );
    }
  }
  return violations;
}

/** @param since every ballot that was answered before is processed. Those that were sent after `at` are not. */
function* judgeBooks(
  { accepted, recorded, superseded, rejected, lost, drift, isLowerBound }: Row,
  told: Told,
  since: number,
  at: number,
  isLossy: boolean,
): Generator<[Violation['rule'], string]> {
  if (drift !== 0) yield ['nothing-is-missing', `the drift is ${drift}`];
  if (accepted - recorded - superseded - rejected - lost !== drift) {
    const sum = `${accepted} - ${recorded} - ${superseded} - ${rejected} - ${lost}`;
    yield ['nothing-is-missing', `${sum} is not ${drift}`];
  }
  const bounds = boundsOf(told, since, at);
  const kept = recorded + superseded + rejected;
  if (kept < bounds.leastKept) {
    yield [
      'nothing-is-missing',
      `${kept} ballots reached PostgreSQL, of at least ${bounds.leastKept} accepted`,
    ];
  }
  if (kept > bounds.mostKept) {
    const most = `only ${bounds.mostKept} can have been accepted`;
    yield ['nothing-is-missing', `${kept} ballots reached PostgreSQL, and ${most}`];
  }
  if (lost > bounds.mostLost) {
    yield ['lost-is-declared', `${lost} are lost, and ${bounds.mostLost} can be by what was declared`];
  }
  if (isLowerBound && !isLossy) {
    yield ['lost-is-declared', 'more may be lost than is known, and nothing can have been'];
  }
  const { leastRejected, mostRejected } = bounds;
  if (rejected < leastRejected || rejected > mostRejected) {
    const range = leastRejected === mostRejected ? `${mostRejected}` : `${leastRejected} to ${mostRejected}`;
    yield ['rejected-is-poison', `${rejected} are rejected, where receipts and faults say ${range}`];
  }
}
