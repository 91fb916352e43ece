import type { Evidence } from '../evidence.ts';
import type { Violation } from '../violation.ts';

const PHASES = ['begins', 'holds', 'heals', 'healed'] as const;

/** What is wrong with the history itself: then no other rule's word can be trusted. */
export function checkHistory({ history, voters, faults, settled }: Evidence): Violation[] {
  const wrong: string[] = [];
  const open = new Set<number>();
  const seen = new Set<number>();
  let before = Number.NEGATIVE_INFINITY;
  for (const event of history) {
    if (event.at < before) wrong.push(`an event at ${event.at} ms comes after one at ${before} ms`);
    before = event.at;
    if (event.type === 'invoke') {
      if (seen.has(event.ballot)) wrong.push(`ballot ${event.ballot} was invoked twice`);
      seen.add(event.ballot);
      open.add(event.ballot);
    } else if (event.type === 'ok' || event.type === 'fail' || event.type === 'unknown') {
      if (!open.delete(event.ballot)) {
        const why = seen.has(event.ballot) ? 'was answered twice' : 'was answered and never invoked';
        wrong.push(`ballot ${event.ballot} ${why}`);
      }
    }
  }
  const owners = new Map<string, string>();
  for (const { name, poll, pseudonym, ballots } of voters.values()) {
    const elsewhere = ballots.find((ballot) => ballot.poll !== poll);
    if (elsewhere)
      wrong.push(`${name} votes in ${poll} and, with ballot ${elsewhere.number}, in ${elsewhere.poll}`);
    if (pseudonym === undefined) {
      wrong.push(`ballot ${ballots[0]!.number} was sent, and the pseudonym of ${name} is not known`);
      continue;
    }
    const other = owners.get(`${poll} ${pseudonym}`);
    if (other !== undefined) wrong.push(`${other} and ${name} have the same pseudonym ${pseudonym}`);
    owners.set(`${poll} ${pseudonym}`, name);
  }
  for (const fault of faults) {
    for (const [index, phase] of PHASES.slice(1).entries()) {
      const previous = PHASES[index]!;
      if (fault[phase] < fault[previous])
        wrong.push(`fault ${fault.fault} (${fault.name}) ${phase} before it ${previous}`);
    }
  }
  for (const { fault, name, isUnbounded } of faults) {
    if (isUnbounded) wrong.push(`fault ${fault} (${name}) excuses what went before: nothing was settled`);
  }
  for (const { at, since } of settled) {
    if (since > at) wrong.push(`what was settled at ${at} ms is of ${since} ms, which comes later`);
  }
  return wrong.map((what) => ({ rule: 'history-is-whole', what }));
}
