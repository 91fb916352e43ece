import type { AppendOutcome } from '@hbf/ballot-stream/producer';
import type { Page } from 'playwright-core';
import { makeApp } from '../../apps/vote/test/support/app.ts';
import type { FakeBallots } from '../../apps/vote/test/support/fake-ballots.ts';
import { makePoll, NOON } from '../../apps/vote/test/support/polls.ts';
import { LONG_LABELS, LUNCH, type Poll, type State, serve } from './state.ts';

const HOUR = 3_600_000;

const choose = async (page: Page) => page.locator('.choice').first().click();
const untilAnswered = (page: Page) => page.locator('.own, .notice').first().waitFor();

const several = [
  makePoll(),
  makePoll(LUNCH),
  makePoll({ key: 'later', rank: 2, question: 'Will it rain tomorrow?', opensAt: NOON + HOUR / 4 }),
  makePoll({ key: 'over', rank: 3, question: 'Was the talk good?', closesAt: NOON - HOUR }),
];

type Changes = {
  polls?: readonly Poll[] | undefined;
  path?: string;
  /** What the append answers. */
  answer?: AppendOutcome | Error;
  /** What result says of a receipt. */
  receipt?: string;
  ballotsAMinute?: number;
  reach?: (page: Page, ballots: FakeBallots) => Promise<void>;
};

/** Every state of the vote page. */
export async function voteStates(): Promise<State[]> {
  let receipt = 'queued';
  const result = await serve((_req, res) => {
    res.writeHead(200, { 'Access-Control-Allow-Origin': '*', 'Content-Type': 'application/json' });
    res.end(JSON.stringify({ status: receipt }));
  });

  const state = (name: string, changes: Changes = {}): State => {
    let ballots: FakeBallots;
    return {
      name: `vote-${name}`,
      async start() {
        const made = makeApp({
          publicResultUrl: result,
          limits: {
            loopbackPasses: false,
            allow: {
              voterPerMinute: changes.ballotsAMinute ?? 100,
              voterPerHour: 100,
              addressPerMinute: 1_000,
              addressPerHour: 5_000,
            },
          },
        });
        ballots = made.ballots;
        ballots.known = 'polls' in changes ? changes.polls : [makePoll()];
        ballots.answer = changes.answer;
        return (await serve(made.app)) + (changes.path ?? '/');
      },
      async reach(page) {
        receipt = changes.receipt ?? 'queued';
        await changes.reach?.(page, ballots);
      },
    };
  };

  const voted = async (page: Page) => {
    await choose(page);
    await untilAnswered(page);
  };
  return [
    state('open'),
    state('several', { polls: several, path: '/p/lunch' }),
    state('several-ticked', {
      polls: several,
      path: '/p/lunch',
      reach: async (page) => {
        await page.getByLabel('Soup').check();
        await page.getByLabel('Pizza').check();
      },
    }),
    state('queued', { reach: voted }),
    state('counted', {
      receipt: 'counted',
      reach: async (page) => {
        await voted(page);
        await page.locator('[data-state="counted"]').waitFor();
        await page.locator('.receipt summary').click();
      },
    }),
    state('lost', {
      receipt: 'lost',
      reach: async (page) => {
        await voted(page);
        await page.locator('[data-state="lost"]').waitFor();
      },
    }),
    state('rejected', {
      receipt: 'rejected',
      reach: async (page) => {
        await voted(page);
        await page.locator('[data-state="rejected"]').waitFor();
      },
    }),
    state('superseded', {
      receipt: 'superseded',
      reach: async (page) => {
        await voted(page);
        await page.locator('[data-state="superseded"]').waitFor();
      },
    }),
    state('change', {
      receipt: 'counted',
      reach: async (page) => {
        await voted(page);
        await page.locator('.change summary').click();
      },
    }),
    state('several-counted', {
      polls: several,
      path: '/p/lunch',
      receipt: 'counted',
      reach: async (page) => {
        await page.getByLabel('Soup').check();
        await page.getByLabel('Rice and beans').check();
        await page.locator('.cast button').click();
        await page.locator('[data-state="counted"]').waitFor();
      },
    }),
    state('show-of-hands', { polls: [makePoll({ eligibility: 'open', question: 'Tea or coffee?' })] }),
    state('not-accepted', { answer: { outcome: 'not-accepted', reason: 'unreachable' }, reach: voted }),
    state('unconfirmed', { answer: { outcome: 'unconfirmed' }, reach: voted }),
    state('several-unconfirmed', {
      polls: several,
      path: '/p/lunch',
      answer: { outcome: 'unconfirmed' },
      reach: async (page) => {
        await page.getByLabel('Soup').check();
        await page.locator('.cast button').click();
        await page.locator('.notice').waitFor();
      },
    }),
    state('too-fast', {
      ballotsAMinute: 1,
      reach: async (page) => {
        await voted(page);
        await page.locator('.change summary').click();
        await page.locator('.choice').nth(1).click();
        await page.locator('.notice').waitFor();
      },
    }),
    state('no-answer', {
      reach: async (page) => {
        await page.route('**/p/best-friend', (route) => route.abort());
        await choose(page);
        await page.locator('.notice').waitFor();
      },
    }),
    state('just-closed', { answer: { outcome: 'poll-closed' }, reach: voted }),
    state('just-not-open', { answer: { outcome: 'poll-not-yet-open' }, reach: voted }),
    state('failed', { answer: new Error('a surprise'), reach: voted }),
    state('choices-refused', {
      polls: several,
      path: '/p/lunch',
      // As without a script, which would say so before.
      reach: async (page) => {
        await page.evaluate("document.querySelector('form').submit()");
        await page.locator('.notice').waitFor();
      },
    }),
    state('unavailable', { polls: undefined }),
    state('closed-voted', {
      receipt: 'counted',
      reach: async (page, ballots) => {
        await voted(page);
        ballots.known = [makePoll({ closesAt: NOON })];
        await page.reload();
        await page.locator('[data-state="counted"]').waitFor();
      },
    }),
    state('closed', { polls: several, path: '/p/over' }),
    state('scheduled', { polls: several, path: '/p/later' }),
    state('closes-soon', { polls: [makePoll({ closesAt: NOON + HOUR / 12, results: 'after-close' })] }),
    state('no-cookie', {
      reach: async (page) => {
        await page.context().clearCookies();
        await choose(page);
        await page.locator('.notice').waitFor();
      },
    }),
    state('thirty-options', {
      polls: [
        makePoll({
          question: 'Which of these should be the motto of our next summer camp, of those that you sent in?',
          options: LONG_LABELS.map((label, index) => ({ key: `o${index}`, label })),
          choices: { min: 1, max: 5 },
        }),
      ],
    }),
    state('long-options', {
      polls: [
        makePoll({
          question: 'שלום! أي لغة تفضل؟',
          options: LONG_LABELS.slice(0, 6).map((label, index) => ({ key: `o${index}`, label })),
        }),
      ],
    }),
    state('polls', { polls: several, path: '/polls' }),
    state('unknown-poll', { path: '/p/nothing' }),
  ];
}
