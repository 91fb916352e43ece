import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { makeApp, type TestApp } from '../../apps/vote/test/support/app.ts';
import type { FakeBallots } from '../../apps/vote/test/support/fake-ballots.ts';
import { approvalPoll, makePoll, NOON, openPoll } from '../../apps/vote/test/support/polls.ts';
import { executablePath, shifts, useBrowser, watchShifts } from './browser.ts';
import { serve } from './state.ts';
import { voteStates } from './vote-states.ts';

describe.skipIf(executablePath === undefined)('a voter', () => {
  const visit = useBrowser();

  async function visitVote(app: TestApp<FakeBallots> = makeApp(), path = '/', options = {}) {
    return { ...(await visit((await serve(app.app)) + path, options)), ...app };
  }

  const accepted = (page: Page) => page.getByText('Your ballot was accepted').waitFor();

  it('has voted with one tap, without the page being loaded again, and hears of it there', async () => {
    const { page, ballots, complaints, end } = await visitVote(makeApp(), '/', { hasTouch: true });
    await page.evaluate("document.documentElement.dataset.same = 'yes'");
    await page.getByRole('button', { name: 'Dogs' }).tap();
    await accepted(page);
    expect(ballots.appended).toMatchObject([{ choices: ['b'] }]);
    expect(await page.evaluate('document.documentElement.dataset.same')).toBe('yes');
    expect(await page.evaluate('document.activeElement.id')).toBe('own-title');
    expect(page.url()).toMatch(/\/p\/best-friend$/);
    // The way back leads to no form that would be sent once more.
    await page.reload();
    await accepted(page);
    expect(ballots.appended).toHaveLength(1);
    expect(complaints).toEqual([]);
    await end();
  });

  it('who taps twice, as on a slow line, has sent one ballot', async () => {
    const { page, ballots, end } = await visitVote(makeApp(), '/p/show-of-hands');
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/p/show-of-hands', async (route) => {
      if (route.request().method() === 'POST') await held;
      await route.continue();
    });
    const button = page.getByRole('button', { name: 'Cats' });
    await button.click();
    await page.locator('form[aria-busy="true"]').waitFor();
    await button.click();
    await page.getByRole('button', { name: 'Dogs' }).click();
    release();
    await accepted(page);
    expect(ballots.appended).toMatchObject([{ choices: ['a'] }]);
    await end();
  });

  it.each([
    ['of one choice per browser', makePoll()],
    ['that is open to everybody', openPoll],
  ])(
    'whose network went away in a poll %s is told so, and the same tap counts once when it is back',
    async (_, poll) => {
      const app = makeApp();
      app.ballots.known = [poll];
      const { page, ballots, end } = await visitVote(app);
      // The worst of it: the ballot arrives, and its answer does not.
      await page.route('**/p/*', async (route) => {
        if (route.request().method() !== 'POST') return route.continue();
        await route.fetch({ maxRedirects: 0 });
        await route.abort();
      });
      await page.getByRole('button', { name: 'Cats' }).click();
      const notice = page.getByRole('alert');
      await notice.getByText('it cannot count twice').waitFor();
      expect(await page.evaluate('document.activeElement.textContent')).toBe(
        'We could not confirm your ballot',
      );
      await page.unroute('**/p/*');
      await page.getByRole('button', { name: 'Cats' }).click();
      await accepted(page);
      expect(await page.getByRole('alert').count()).toBe(0);
      expect(ballots.appended).toHaveLength(2);
      expect(new Set(ballots.appended.map(({ voter }) => voter)).size).toBe(1);
      await end();
    },
  );

  it('who gets an answer that is no page of ours, as from a proxy, is told that it could not be confirmed', async () => {
    const { page, end } = await visitVote();
    await page.route('**/p/*', (route) => route.fulfill({ status: 502, body: 'Bad Gateway' }));
    await page.getByRole('button', { name: 'Cats' }).click();
    await page.getByRole('alert').getByText('it cannot count twice').waitFor();
    await end();
  });

  it('who votes too fast waits before the button, which says for how long', async () => {
    const app = makeApp({
      limits: {
        loopbackPasses: false,
        allow: { voterPerMinute: 1, voterPerHour: 60, addressPerMinute: 1_000, addressPerHour: 5_000 },
      },
    });
    const { page, ballots, end } = await visitVote(app);
    await page.clock.install();
    await page.reload();
    await page.getByRole('button', { name: 'Cats' }).click();
    await accepted(page);
    await page.getByText('Change my vote').click();
    await page.getByRole('button', { name: 'Dogs' }).click();
    const again = page.locator('.notice button');
    await again.waitFor();
    expect(await again.textContent()).toMatch(/^Try again \(\d+\)$/);
    await again.click({ force: true });
    expect(ballots.appended).toHaveLength(1);
    await page.clock.fastForward(61_000);
    await page.locator('.notice').getByRole('button', { name: 'Try again', exact: true }).waitFor();
    expect(await again.getAttribute('aria-disabled')).toBeNull();
    await end();
  });

  it('who may choose several sees how many, and votes once they are enough', async () => {
    const app = makeApp();
    app.ballots.known = [approvalPoll];
    const { page, ballots, end } = await visitVote(app);
    const button = page.locator('.cast button');
    await page.getByText('0 of 3 chosen').waitFor();
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    await button.click({ force: true });
    expect(ballots.appended).toEqual([]);
    for (const label of ['Soup', 'Salad', 'Pizza', 'Rice']) await page.getByLabel(label).check();
    await page.getByText('4 of 3 chosen').waitFor();
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    await page.getByLabel('Salad').uncheck();
    expect(await button.getAttribute('aria-disabled')).toBeNull();
    await button.click();
    await page.getByText('You chose Soup, Pizza and Rice.').waitFor();
    expect(ballots.appended).toMatchObject([{ choices: ['a', 'c', 'd'] }]);
    await end();
  });

  it('who waits for a poll to open sees the time that is left, and the poll when it opens', async () => {
    const app = makeApp();
    app.ballots.known = [makePoll({ opensAt: NOON + 90_000 })];
    const { page, ballots, end } = await visitVote(app, '/', { timezoneId: 'Asia/Tokyo' });
    // A reader's own clock says what it likes: the server's counts.
    await page.clock.install({ time: NOON + 86_400_000 });
    await page.reload();
    expect(await page.getByRole('timer').textContent()).toMatch(/^1:(30|29)$/);
    await page.clock.fastForward(60_000);
    await page.getByText(/^0:(30|29)$/).waitFor();
    ballots.time = NOON + 91_000;
    await page.clock.fastForward(32_000);
    await page.getByRole('button', { name: 'Cats' }).waitFor();
    await end();
  });

  it('whose poll closes while the page is open is led to the result', async () => {
    const app = makeApp();
    app.ballots.known = [makePoll({ closesAt: NOON + 60_000 })];
    const { page, ballots, end } = await visitVote(app);
    await page.clock.install();
    await page.reload();
    await page.getByText(/Voting closes in (1:00|0:59)/).waitFor();
    ballots.time = NOON + 61_000;
    await page.clock.fastForward(62_000);
    await page.getByText('This poll is closed').waitFor();
    expect(await page.getByRole('button').count()).toBe(0);
    expect(await page.getByRole('link', { name: 'Watch the result' }).getAttribute('href')).toMatch(
      /\/p\/best-friend$/,
    );
    await end();
  });

  it('whose ballot comes a moment after the end is told so by the page of a closed poll', async () => {
    const app = makeApp();
    app.ballots.answer = { outcome: 'poll-closed' };
    const { page, end } = await visitVote(app);
    await page.getByRole('button', { name: 'Cats' }).click();
    await page.getByRole('alert').getByText('was not accepted and does not count').waitFor();
    await page.getByRole('link', { name: 'Watch the result' }).waitFor();
    expect(await page.locator('.choice').count()).toBe(0);
    await end();
  });

  it.each([
    ['lets pages copy', ''],
    ['does not, as over plain http', 'delete Navigator.prototype.clipboard'],
  ])('copies the receipt where the browser %s', async (_, before) => {
    const permissions = ['clipboard-read', 'clipboard-write'];
    const { page, end } = await visitVote(makeApp(), '/', { permissions });
    await page.addInitScript(before);
    await page.reload();
    await page.getByRole('button', { name: 'Cats' }).click();
    await page.getByText('Your receipt').click();
    const receipt = await page.locator('.receipt code').textContent();
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    // What was copied can be pasted.
    await page.evaluate("document.querySelector('main').prepend(document.createElement('textarea'))");
    await page.locator('textarea').focus();
    await page.keyboard.press('Control+v');
    expect(await page.locator('textarea').inputValue()).toBe(receipt);
    await end();
  });

  it('who opens the page before the polls are known sees them as soon as they are', async () => {
    const app = makeApp();
    app.ballots.known = undefined;
    const { page, ballots, end } = await visitVote(app);
    await page.getByText('The polls are not known here yet').waitFor();
    ballots.known = [makePoll()];
    await page.getByRole('button', { name: 'Cats' }).waitFor();
    await end();
  });

  it.each(['open', 'several', 'scheduled', 'closes-soon', 'queued', 'counted', 'thirty-options'])(
    'sees nothing jump on the narrowest phone by itself, in either language: %s',
    async (name) => {
      const state = (await voteStates()).find((state) => state.name === `vote-${name}`)!;
      for (const locale of ['en', 'fr']) {
        const { page, end } = await visit(await state.start(), {
          locale,
          viewport: { width: 320, height: 640 },
        });
        await watchShifts(page);
        await state.reach(page);
        expect(await shifts(page), locale).toEqual([]);
        await end();
      }
    },
  );

  it('of an older browser votes by the form itself, as without a script', async () => {
    const { page, ballots, complaints, end } = await visitVote();
    await page.addInitScript('delete AbortSignal.timeout');
    await page.reload();
    await page.getByRole('button', { name: 'Dogs' }).click();
    await accepted(page);
    expect(ballots.appended).toMatchObject([{ choices: ['b'] }]);
    expect(complaints).toEqual([]);
    await end();
  });

  it('whose ballot is under way when the poll closes hears what became of it first', async () => {
    const app = makeApp();
    app.ballots.known = [makePoll({ closesAt: NOON + 5_000 })];
    const { page, ballots, end } = await visitVote(app);
    await page.clock.install();
    await page.reload();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/p/best-friend', async (route) => {
      if (route.request().method() === 'POST') await held;
      await route.continue();
    });
    await page.getByRole('button', { name: 'Cats' }).click();
    await page.locator('form[aria-busy="true"]').waitFor();
    // Past the end, and not so long that no answer would be waited for.
    await page.clock.fastForward(9_000);
    release();
    await accepted(page);
    expect(ballots.appended).toHaveLength(1);
    await end();
  });
});
