import { afterAll, describe, expect, it } from 'vitest';
import { startBrowserPage } from '../../src/clients/browser-page.ts';
import { readFinalState } from '../../src/clients/final-state.ts';
import { startPages } from '../../src/clients/page.ts';
import { joinPages } from '../../src/clients/pages.ts';
import { DRILL_POLLS, FAULTS, pollsFile } from '../../src/clients/polls.ts';
import { untilLive } from '../../src/clients/settled.ts';
import { startVoters } from '../../src/clients/voters.ts';
import { check } from '../../src/history/check.ts';
import type { FinalState, PageSees } from '../../src/history/events.ts';
import { createRecorder } from '../../src/history/recorder.ts';
import { createRandom } from '../../src/random.ts';
import { createLocalSystem } from '../../src/system/local.ts';
import { until } from '../../src/until.ts';

const system = await createLocalSystem({
  polls: pollsFile(DRILL_POLLS),
  votes: 2,
  workers: 2,
  results: 2,
});
afterAll(() => system.close());
await untilLive(system);
const recorder = createRecorder();
const browserPage = await startBrowserPage({ system, recorder, poll: FAULTS.key });
const pages = joinPages(system, startPages({ system, recorder }), ...(browserPage ? [browserPage] : []));
afterAll(() => pages.stop());
const pageCount = browserPage ? 5 : 4;

describe('the clients of a drill, on a whole system without faults', () => {
  let final: FinalState;

  it('vote, watch, and find in the end that every promise was kept', async () => {
    await pages.untilLive();
    const voters = startVoters({ system, recorder, random: createRandom('a seed') });
    await voters.untilAccepted(300);
    await voters.stop();
    final = await readFinalState(system, recorder.events, voters.voters(), pages);

    expect(check(recorder.events, final)).toEqual([]);
    expect(recorder.events.filter(({ type }) => type === 'fail' || type === 'unknown')).toEqual([]);
    expect(final.ballots).toHaveLength(Object.keys(final.voters).length);
    expect(Object.keys(final.receipts)).toHaveLength(voters.accepted);
    expect(new Set(Object.values(final.receipts))).toEqual(new Set(['counted', 'superseded']));
    expect(final.ownedPartitions).toBe(final.partitions.length);
    expect(final.recount.code).toBe(0);
    expect(final.pages).toHaveLength(pageCount);
    for (const page of final.pages) {
      const tally = final.tallies.find(({ poll }) => poll === page.poll)!;
      expect(page, page.page).toMatchObject({
        shows: 'live',
        turnout: tally.turnout,
        votes: Object.values(tally.votes),
      });
    }
  });

  it('tell a state that was broken by hand from a sound one', () => {
    const [receipt] = Object.keys(final.receipts);
    const without = { ...final, ballots: final.ballots.slice(1) };
    expect(check(recorder.events, without)).not.toEqual([]);
    const misread: FinalState = { ...final, receipts: { ...final.receipts, [receipt!]: 'lost' } };
    expect(check(recorder.events, misread)).not.toEqual([]);
  });

  it('see on every page that a replica of result is gone, and that it is back', async () => {
    const result = system.replicas.find(({ name }) => name === 'result-1')!;
    const [from, at] = [recorder.events.length, recorder.now()];
    const seen = (shows: string) =>
      recorder.events
        .slice(from)
        .filter(
          (event): event is PageSees =>
            event.type === 'page' && event.page.includes('result-1') && event.shows === shows,
        );
    await result.kill();
    expect(pages.last()).toHaveLength(2);
    await until('its pages are silent', () => seen('silent').length === pageCount - 2, 15_000);
    // They say so by themselves when they heard nothing for 5 s, and look at it every second.
    for (const sight of seen('silent')) expect(sight.at - at).toBeGreaterThan(3_500);
    await result.start();
    await result.untilReady();
    await pages.untilLive();
    expect(pages.last()).toHaveLength(pageCount);
    const turnouts = (shows: string) =>
      Object.fromEntries(seen(shows).map(({ page, turnout }) => [page, turnout]));
    expect(turnouts('live')).toEqual(turnouts('silent'));
  });
});
