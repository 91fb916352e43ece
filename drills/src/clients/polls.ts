/** A poll as polls.yaml declares it. */
export type DrillPoll = {
  key: string;
  question: string;
  /** Keys of options, in order. */
  options: readonly string[];
  eligibility: 'open' | 'browser';
  choices: { min: number; max: number };
  /** ISO 8601. */
  closesAt?: string;
};

/** Thirty options, so that a voter's ballots of a while are told apart by what they choose. */
export const FAULTS: DrillPoll = {
  key: 'faults',
  question: 'Which one now?',
  options: Array.from({ length: 30 }, (_, number) => `o${number}`),
  eligibility: 'open',
  choices: { min: 1, max: 1 },
};

/** Eight options of which up to three may be chosen: 92 different ballots. */
export const APPROVE: DrillPoll = {
  key: 'approve',
  question: 'Which ones will do?',
  options: ['ash', 'beech', 'cedar', 'elm', 'fir', 'larch', 'oak', 'pine'],
  eligibility: 'browser',
  choices: { min: 1, max: 3 },
};

/** The polls of every drill. */
export const DRILL_POLLS: readonly DrillPoll[] = [FAULTS, APPROVE];

/** The same poll, asking something else. */
export function withQuestion(poll: DrillPoll, question: string): DrillPoll {
  return { ...poll, question };
}

/** The same poll under another key, which closes at a moment. */
export function closingPoll(poll: DrillPoll, key: string, closesAt: Date): DrillPoll {
  return { ...poll, key, closesAt: closesAt.toISOString() };
}

/** The text of a polls.yaml that declares these polls. All JSON is YAML. */
export function pollsFile(polls: readonly DrillPoll[]): string {
  const entries = polls.map((poll) => ({
    ...poll,
    options: Object.fromEntries(poll.options.map((key) => [key, `Option ${key}`])),
  }));
  return `${JSON.stringify({ polls: entries }, null, 2)}\n`;
}
