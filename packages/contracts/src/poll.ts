import { z } from 'zod';

/** How surely a poll tells one voter from another; see docs/security.md for what each cannot prevent. */
export const Eligibility = z.enum(['open', 'browser']);
export type Eligibility = z.infer<typeof Eligibility>;

/** When the votes of a poll are shown. */
export const ResultsMode = z.enum(['always', 'after-close']);
export type ResultsMode = z.infer<typeof ResultsMode>;

export const MAX_OPTIONS = 30;

/** A poll's key: stands in URLs, so lower-case letters, digits and hyphens only. */
export const PollKey = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/,
    'must be 1 to 40 lower-case letters, digits and inner hyphens',
  );

/** An option's key: stands in forms and in stored ballots. */
export const OptionKey = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9_-]{0,30}[a-z0-9])?$/,
    'must be 1 to 32 lower-case letters, digits and inner hyphens or underscores',
  );

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this refuses
const NO_CONTROL = /^[^\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*$/;

/**
 * Text that people read: no control characters (PostgreSQL stores no NUL, terminals obey the others, and those that turn
 * the direction of writing reach beyond the label that they stand in).
 */
export const Label = (max: number) =>
  z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(max, `must have at most ${max} characters`)
    .regex(NO_CONTROL, 'must not contain control characters');

export const Option = z.object({ key: OptionKey, label: Label(200) });
export type Option = z.infer<typeof Option>;

/**
 * A poll as it is published: what vote checks a ballot against and what the pages show.
 * Times are milliseconds since 1970 (UTC); null means "no bound". `rank` orders the polls (0 is the first).
 * Key, options' keys, eligibility, number of choices and results mode are frozen from the first publication.
 */
export const Poll = z.object({
  key: PollKey,
  rank: z.int().min(0),
  question: Label(300),
  options: z.array(Option).min(2).max(MAX_OPTIONS),
  eligibility: Eligibility,
  choices: z.object({ min: z.int().min(1), max: z.int().min(1) }),
  results: ResultsMode,
  opensAt: z.number().int().nullable(),
  closesAt: z.number().int().nullable(),
});
export type Poll = z.infer<typeof Poll>;

/** Where a poll is in its life. `final`: closed, and every accepted ballot has been recorded. */
export const Phase = z.enum(['scheduled', 'open', 'closed', 'final']);
export type Phase = z.infer<typeof Phase>;

/** Why a set of choices is not fit for a ballot of a poll. */
export type ChoiceFault =
  | { fault: 'unknown-choice'; choice: string }
  | { fault: 'repeated-choice'; choice: string }
  | { fault: 'too-few-choices'; min: number }
  | { fault: 'too-many-choices'; max: number };

/**
 * Checks the choices of a ballot against its poll.
 * @returns undefined if they fit, else the first fault found.
 */
export function choiceFault(poll: Poll, choices: readonly string[]): ChoiceFault | undefined {
  const seen = new Set<string>();
  for (const choice of choices) {
    if (!poll.options.some((option) => option.key === choice)) return { fault: 'unknown-choice', choice };
    if (seen.has(choice)) return { fault: 'repeated-choice', choice };
    seen.add(choice);
  }
  if (choices.length < poll.choices.min) return { fault: 'too-few-choices', min: poll.choices.min };
  if (choices.length > poll.choices.max) return { fault: 'too-many-choices', max: poll.choices.max };
  return undefined;
}

/** The phase by a given clock, as far as the clock alone can tell (`final` needs the store). */
export function phaseAt(
  poll: Pick<Poll, 'opensAt' | 'closesAt'>,
  now: number,
): 'scheduled' | 'open' | 'closed' {
  if (poll.closesAt !== null && now >= poll.closesAt) return 'closed';
  if (poll.opensAt !== null && now < poll.opensAt) return 'scheduled';
  return 'open';
}
