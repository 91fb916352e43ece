import { describe, expect, it } from 'vitest';
import { followReceipt } from '../../browser/follow-receipt.ts';

type Answer = Awaited<ReturnType<Parameters<typeof followReceipt>[0]>> | Error;

/** Follows a receipt whose states come one after the other, the last for ever. */
async function follow(answers: Answer[]) {
  const shown: string[] = [];
  const waits: number[] = [];
  let asked = 0;
  await followReceipt(
    async () => {
      const answer = answers[Math.min(asked++, answers.length - 1)];
      if (answer instanceof Error) throw answer;
      return answer;
    },
    (status) => shown.push(status),
    async (milliseconds) => {
      waits.push(milliseconds);
    },
  );
  return { shown, waits, asked };
}

describe('followReceipt', () => {
  it('shows the way from queued to counted, each state once, and then asks no more', async () => {
    const { shown, asked } = await follow([
      { status: 'queued' },
      { status: 'queued' },
      { status: 'counted' },
    ]);
    expect(shown).toEqual(['queued', 'counted']);
    expect(asked).toBe(3);
  });

  it.each(['counted', 'superseded', 'rejected', 'lost'] as const)('ends at once with %s', async (status) => {
    expect(await follow([{ status }])).toEqual({ shown: [status], waits: [], asked: 1 });
  });

  it('goes on when an answer fails or cannot be had', async () => {
    const { shown } = await follow([new Error('offline'), undefined, { status: 'counted' }]);
    expect(shown).toEqual(['counted']);
  });

  it('ends when nobody looks any more, and shows nothing then', async () => {
    let asked = 0;
    const shown: string[] = [];
    await followReceipt(
      async () => ({ status: asked++ === 0 ? 'queued' : 'counted' }),
      (status) => shown.push(status),
      async () => {},
      () => asked < 2,
    );
    expect({ asked, shown }).toEqual({ asked: 2, shown: ['queued'] });
  });

  it('shows nothing that it has no words for', async () => {
    expect((await follow([{ status: 'constructor' as never }])).shown).toEqual([]);
  });

  it('asks less and less often, seldom after a minute, and gives up after an hour', async () => {
    const { waits } = await follow([{ status: 'queued' }]);
    const total = waits.reduce((sum, wait) => sum + wait, 0);
    expect(waits[0]).toBeLessThan(500);
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
    expect(waits.filter((wait) => wait < 30_000).reduce((sum, wait) => sum + wait, 0)).toBeLessThan(66_000);
    expect(waits.at(-1)).toBe(30_000);
    expect(total).toBeGreaterThanOrEqual(3_600_000);
    expect(total).toBeLessThan(3_631_000);
  });
});
