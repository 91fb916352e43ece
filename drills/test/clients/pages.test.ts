import { describe, expect, it } from 'vitest';
import { gatherPages, joinPages, type OpenPage } from '../../src/clients/pages.ts';
import type { Replica } from '../../src/system/system.ts';

const replica = (name: string, running = true) => ({ app: 'result', name, running }) as Replica;

/** A page that shows something, and hears the same again when it is told to. */
function openPage(at: Replica, shows: 'live' | 'stale' = 'live', phase = 'open') {
  let heard: number | undefined = performance.now();
  const page: OpenPage = {
    name: `${at.name}/cats`,
    poll: 'cats',
    replica: at,
    sight: () => ({ shows, phase, turnout: 1, queued: 0, votes: [1] }),
    heardAt: () => heard,
    close() {},
  };
  return {
    page,
    hear() {
      heard = performance.now();
    },
    cannotKnow() {
      heard = undefined;
    },
  };
}

const SHORT_MS = 150;

describe('pages are live again', () => {
  it('by a word that they hear now, not by what they show from before', async () => {
    const [one, two] = [replica('result-1'), replica('result-2')];
    const [first, second] = [openPage(one), openPage(two)];
    const pages = gatherPages({ replicas: [one, two] }, [first.page, second.page]);
    await expect(pages.untilLive(SHORT_MS)).rejects.toThrow('result-1/cats has heard nothing since');
    const live = pages.untilLive(5_000);
    setTimeout(first.hear, 20);
    setTimeout(second.hear, 60);
    await live;
  });

  it('not by a word that says otherwise, except where a final tally is old', async () => {
    const one = replica('result-1');
    const stale = openPage(one, 'stale');
    const pages = gatherPages({ replicas: [one] }, [stale.page]);
    setTimeout(stale.hear, 20);
    await expect(pages.untilLive(SHORT_MS)).rejects.toThrow('result-1/cats shows stale');
    const final = openPage(one, 'stale', 'final');
    setTimeout(final.hear, 20);
    await gatherPages({ replicas: [one] }, [final.page]).untilLive(5_000);
  });

  it('with a real page, once the others of its replica have heard', async () => {
    const [one, two] = [replica('result-1'), replica('result-2')];
    const [first, second, real] = [openPage(one), openPage(two), openPage(one)];
    real.cannotKnow();
    const system = { replicas: [one, two] };
    const pages = joinPages(
      system,
      gatherPages(system, [first.page, second.page]),
      gatherPages(system, [{ ...real.page, name: 'chromium/result-1/cats' }]),
    );
    setTimeout(second.hear, 20);
    await expect(pages.untilLive(SHORT_MS)).rejects.toThrow('chromium/result-1/cats has heard nothing since');
    setTimeout(first.hear, 20);
    setTimeout(second.hear, 20);
    await pages.untilLive(5_000);
  });

  it('never where there is no page', async () => {
    const gone = replica('result-1', false);
    const pages = gatherPages({ replicas: [gone] }, [openPage(gone).page]);
    expect(pages.last()).toEqual([]);
    await expect(pages.untilLive(SHORT_MS)).rejects.toThrow('there is none');
  });
});
