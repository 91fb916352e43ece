import { type Poll, phaseAt } from '@hbf/contracts/poll';
import type { PollView } from '@hbf/contracts/tally';

const iso = (time: number | null) => (time === null ? null : new Date(time).toISOString());

/** A poll as voters see it at a moment (ms since 1970). */
export function pollView(poll: Poll, now: number): PollView {
  return {
    key: poll.key,
    question: poll.question,
    options: poll.options.map(({ key, label }) => ({ key, label })),
    eligibility: poll.eligibility,
    choices: { min: poll.choices.min, max: poll.choices.max },
    results: poll.results,
    phase: phaseAt(poll, now),
    opensAt: iso(poll.opensAt),
    closesAt: iso(poll.closesAt),
  };
}
