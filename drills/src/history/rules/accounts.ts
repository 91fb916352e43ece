import { partitionOf } from '@hbf/contracts/ballot';
import type { Ballot, Evidence } from '../evidence.ts';
import type { Violation } from '../violation.ts';

/** What the history knows of a partition's ballots: where an unknown ballot went is not known, so all are bounds. */
type Told = {
  ok: number;
  unknown: number;
  /** Receipts that say so. */
  lost: number;
  rejected: number;
  /** Superseded ballots that a fault may have lost before they were recorded: their receipts say superseded too. */
  atRisk: number;
  /** Unknown ballots that a fault may have lost, or had rejected. */
  maybeLost: number;
  maybeRejected: number;
};

/** The books of each partition against the history: nothing missing, nothing twice, nothing lost without a cause. */
export function checkAccounts(evidence: Evidence): Violation[] {
  const { final, faults } = evidence;
  const violations: Violation[] = [];
  const told = tellByPartition(evidence);
  const traceless = faults.some(({ loses, traceless }) => loses && traceless);
  for (const [index, row] of final.partitions.entries()) {
    const { partition, accepted, recorded, superseded, rejected, lost, drift } = row;
    const of = told[index]!;
    const say = (rule: Violation['rule'], what: string) =>
      violations.push({ rule, what: `partition ${partition}: ${what}` });
    if (drift !== 0) say('nothing-is-missing', `the drift is ${drift}`);
    if (accepted - recorded - superseded - rejected - lost !== drift) {
      say(
        'nothing-is-missing',
        `${accepted} - ${recorded} - ${superseded} - ${rejected} - ${lost} is not ${drift}`,
      );
    }
    const kept = recorded + superseded + rejected;
    const least = of.ok - of.lost - of.atRisk;
    const most = of.ok + of.unknown;
    if (kept < least)
      say('nothing-is-missing', `${kept} ballots reached PostgreSQL, of at least ${least} accepted`);
    if (kept > most) {
      say(
        'nothing-is-missing',
        `${kept} ballots reached PostgreSQL, and only ${most} can have been accepted`,
      );
    }
    const mostLost = of.lost + of.atRisk + of.maybeLost;
    if (lost > mostLost)
      say('lost-is-declared', `${lost} are lost, and ${mostLost} can be by what was declared`);
    if (lost < of.lost && !traceless && !row.isLowerBound) {
      say('lost-is-declared', `${of.lost} receipts say lost, and only ${lost} are missed`);
    }
    const mostRejected = of.rejected + of.maybeRejected;
    if (rejected < of.rejected || rejected > mostRejected) {
      const range = mostRejected === of.rejected ? `${mostRejected}` : `${of.rejected} to ${mostRejected}`;
      say('rejected-is-poison', `${rejected} are rejected, where receipts and faults say ${range}`);
    }
  }
  return violations;
}

/** In the order of `final.partitions`. A voter without a known pseudonym may belong to any partition. */
function tellByPartition({ voters, final }: Evidence): Told[] {
  const told = final.partitions.map(
    (): Told => ({ ok: 0, unknown: 0, lost: 0, rejected: 0, atRisk: 0, maybeLost: 0, maybeRejected: 0 }),
  );
  const byNumber = new Map(final.partitions.map(({ partition }, index) => [partition, told[index]!]));
  for (const { pseudonym, ballots } of voters.values()) {
    const own =
      pseudonym === undefined
        ? undefined
        : byNumber.get(partitionOf(Buffer.from(pseudonym, 'hex'), final.partitions.length));
    for (const ballot of ballots) {
      if (own) count(ballot, own);
      else if (pseudonym === undefined && ballot.outcome === 'unknown')
        for (const any of told) count(ballot, any);
    }
  }
  return told;
}

function count({ outcome, status, mayBeLost, mayBeRejected }: Ballot, told: Told): void {
  if (outcome === 'unknown') {
    told.unknown += 1;
    if (mayBeLost) told.maybeLost += 1;
    if (mayBeRejected) told.maybeRejected += 1;
  }
  if (outcome !== 'ok') return;
  told.ok += 1;
  if (status === 'lost') told.lost += 1;
  if (status === 'rejected') told.rejected += 1;
  if (status === 'superseded' && mayBeLost) told.atRisk += 1;
}
