import type { PageSees } from '../events.ts';
import { describe, type Evidence } from '../evidence.ts';
import type { Violation } from '../violation.ts';

/** A poll that is closed takes nothing, and what a page shows as final stays. */
export function checkClosings(evidence: Evidence): Violation[] {
  return [...lateBallots(evidence), ...changedAfterTheEnd(evidence), ...neverEnded(evidence)].map((what) => ({
    rule: 'closed-is-final',
    what,
  }));
}

/** From when on each poll is surely closed, by its key. */
function closedFrom({ faults }: Evidence): Map<string, number> {
  const closed = new Map<string, number>();
  for (const { closes, holds } of faults) {
    if (closes === undefined || holds === Number.POSITIVE_INFINITY) continue;
    closed.set(closes, Math.min(holds, closed.get(closes) ?? holds));
  }
  return closed;
}

function* lateBallots(evidence: Evidence): Generator<string> {
  const closed = closedFrom(evidence);
  for (const ballot of evidence.ballots) {
    const from = closed.get(ballot.poll);
    if (from === undefined || ballot.outcome !== 'ok' || ballot.invoked <= from) continue;
    yield `${ballot.voter}: ${describe(ballot)} was accepted, and ${ballot.poll} was closed at ${from} ms`;
  }
}

function* changedAfterTheEnd({ pages }: Evidence): Generator<string> {
  for (const [page, seen] of pages) {
    let end: PageSees | undefined;
    for (const sight of seen) {
      const { at, phase, poll } = sight;
      if (!end) {
        if (phase === 'final') end = sight;
      } else if (phase !== 'final' || numbersOf(sight) !== numbersOf(end)) {
        yield `${page} shows ${poll} ${phase} with ${numbersOf(sight)} at ${at} ms, after it was final with ${numbersOf(end)} at ${end.at} ms`;
        break;
      }
    }
  }
}

function* neverEnded(evidence: Evidence): Generator<string> {
  const closed = closedFrom(evidence);
  for (const [page, seen] of evidence.pages) {
    const { poll, phase } = seen.at(-1)!;
    if (closed.has(poll) && phase !== 'final') {
      yield `${page} shows ${poll} ${phase} in the end, which was closed at ${closed.get(poll)} ms`;
    }
  }
}

function numbersOf({ turnout, votes }: PageSees): string {
  return `${turnout} voters and the votes ${votes.join(', ')}`;
}
