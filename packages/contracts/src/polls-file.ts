import { z } from 'zod';
import { Eligibility, Label, MAX_OPTIONS, OptionKey, PollKey, ResultsMode } from './poll.ts';

const Time = z.iso.datetime({
  offset: true,
  error: 'must be an ISO 8601 time with a zone, as 2026-12-31T18:00:00Z',
});

const PollEntry = z
  .strictObject({
    key: PollKey,
    question: Label(300),
    options: z
      .record(OptionKey, Label(200))
      .refine((options) => Object.keys(options).length >= 2, 'a poll needs at least two options')
      .refine(
        (options) => Object.keys(options).length <= MAX_OPTIONS,
        `a poll has at most ${MAX_OPTIONS} options`,
      ),
    eligibility: Eligibility.default('browser'),
    choices: z
      .strictObject({ min: z.int().min(1).default(1), max: z.int().min(1).default(1) })
      .default({ min: 1, max: 1 }),
    results: ResultsMode.default('always'),
    opensAt: Time.optional(),
    closesAt: Time.optional(),
  })
  .superRefine((poll, context) => {
    const count = Object.keys(poll.options).length;
    if (poll.choices.max > count) {
      context.addIssue({
        code: 'custom',
        path: ['choices', 'max'],
        message: `must not exceed the number of options (${count})`,
      });
    }
    if (poll.choices.min > poll.choices.max) {
      context.addIssue({ code: 'custom', path: ['choices', 'min'], message: 'must not exceed max' });
    }
    if (poll.opensAt && poll.closesAt && Date.parse(poll.opensAt) >= Date.parse(poll.closesAt)) {
      context.addIssue({ code: 'custom', path: ['closesAt'], message: 'must be later than opensAt' });
    }
    if (poll.results === 'after-close' && !poll.closesAt) {
      context.addIssue({
        code: 'custom',
        path: ['results'],
        message: 'after-close needs closesAt: the results would never be shown',
      });
    }
  });

/** The shape of polls.yaml after YAML was parsed: what a host declares. */
export const PollsFile = z
  .strictObject({ polls: z.array(PollEntry).min(1, 'declare at least one poll') })
  .superRefine((file, context) => {
    const seen = new Set<string>();
    for (const [index, poll] of file.polls.entries()) {
      if (seen.has(poll.key)) {
        context.addIssue({
          code: 'custom',
          path: ['polls', index, 'key'],
          message: `the key "${poll.key}" is used twice`,
        });
      }
      seen.add(poll.key);
    }
  });
export type PollsFile = z.infer<typeof PollsFile>;
