import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Problem } from '../src/problems.ts';
import type { Tally } from '../src/tally.ts';
import { type TallySocket, watchTally } from '../src/watch-tally.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const tally = (turnout: number, poll = 'pets') => ({ poll, turnout, options: [] }) as unknown as Tally;
const PROBLEM = { title: 'No tally yet', status: 503 } as Problem;

/** A socket whose server does what the test says, and a page that watches over it. */
function open() {
  const listeners = new Map<string, (word?: unknown) => void>();
  const questions: { answer(reply: Tally | Problem): void }[] = [];
  const socket = {
    id: 'first',
    connected: true,
    connect: vi.fn(),
    disconnect: vi.fn(),
    on: (event: string, listener: (word?: unknown) => void) => listeners.set(event, listener),
    timeout: (ms: number) => ({
      emit(_event: 'watch', _poll: string, told: (error: Error | null, reply?: Tally | Problem) => void) {
        let isOver = false;
        const timer = setTimeout(() => {
          isOver = true;
          told(new Error('operation has timed out'));
        }, ms);
        questions.push({
          answer(reply) {
            clearTimeout(timer);
            if (!isOver) told(null, reply);
          },
        });
      },
    }),
  };
  const heard: number[] = [];
  const silences: number[] = [];
  const close = watchTally(socket as TallySocket, 'pets', {
    hears: ({ turnout }) => heard.push(turnout),
    hearsNothing: (forMs) => silences.push(forMs),
  });
  const happen = (event: string, word?: unknown) => listeners.get(event)!(word);
  happen('connect');
  return { socket, questions, heard, silences, happen, close };
}

describe('a page that watches a tally', () => {
  it('hears the answer and each tally of its poll after it', () => {
    const { questions, heard, happen } = open();
    questions[0]!.answer(tally(1));
    happen('tally', tally(2));
    happen('tally', tally(9, 'another'));
    expect(heard).toEqual([1, 2]);
  });

  it.each([
    ['nobody answers', undefined],
    ['there is no tally yet', PROBLEM],
  ])('asks again 2 s later where %s', async (_, reply) => {
    const { questions, heard } = open();
    if (reply) questions[0]!.answer(reply);
    await vi.advanceTimersByTimeAsync(reply ? 2_000 : 4_000);
    expect(questions).toHaveLength(2);
    questions[1]!.answer(tally(3));
    await vi.advanceTimersByTimeAsync(4_000);
    expect(questions).toHaveLength(2);
    expect(heard).toEqual([3]);
  });

  it('leaves asking to the next connection where its own is gone', async () => {
    const { socket, questions, happen } = open();
    questions[0]!.answer(PROBLEM);
    socket.id = 'second';
    happen('connect');
    questions[1]!.answer(tally(1));
    await vi.advanceTimersByTimeAsync(4_000);
    expect(questions).toHaveLength(2);
  });

  it('comes back where the server hung up, and not after it was closed', async () => {
    const { socket, happen, close } = open();
    happen('disconnect', 'io server disconnect');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(socket.connect).toHaveBeenCalledTimes(1);
    happen('disconnect', 'io server disconnect');
    close();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(socket.connect).toHaveBeenCalledTimes(1);
    expect(socket.disconnect).toHaveBeenCalledTimes(1);
  });

  it('says that it hears nothing after 5 s, twice a second', async () => {
    const { questions, silences } = open();
    questions[0]!.answer(tally(1));
    await vi.advanceTimersByTimeAsync(5_499);
    expect(silences).toEqual([]);
    await vi.advanceTimersByTimeAsync(501);
    expect(silences).toEqual([5_500, 6_000]);
  });

  it('dials again within 9 s where its connection died without a word, and says so first', async () => {
    const { socket, questions, heard, silences, happen } = open();
    questions[0]!.answer(tally(1));
    await vi.advanceTimersByTimeAsync(5_500);
    expect(silences).toHaveLength(1);
    expect(socket.disconnect).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(3_500);
    expect(socket.disconnect).toHaveBeenCalled();
    expect(socket.connect).toHaveBeenCalledTimes(socket.disconnect.mock.calls.length);
    happen('connect');
    questions.at(-1)!.answer(tally(2));
    expect(heard).toEqual([1, 2]);
  });

  it('keeps a connection whose server answers, even if there is no tally to tell', async () => {
    const { socket, questions } = open();
    for (let seconds = 0; seconds < 30; seconds += 2) {
      questions.at(-1)!.answer(PROBLEM);
      await vi.advanceTimersByTimeAsync(2_000);
    }
    expect(questions.length).toBeGreaterThan(10);
    expect(socket.disconnect).not.toHaveBeenCalled();
  });

  it('does not take for true now what may have been held up for all of a silence, and asks instead', async () => {
    const { questions, heard, happen } = open();
    questions[0]!.answer(tally(1));
    await vi.advanceTimersByTimeAsync(5_001);
    happen('tally', tally(2));
    happen('tally', tally(3));
    expect(heard).toEqual([1]);
    expect(questions).toHaveLength(2);
    questions[1]!.answer(tally(40));
    happen('tally', tally(41));
    expect(heard).toEqual([1, 40, 41]);
  });

  it('asks again as soon as something comes, where that question went unanswered', async () => {
    const { questions, heard, happen } = open();
    questions[0]!.answer(tally(1));
    await vi.advanceTimersByTimeAsync(6_000);
    happen('tally', tally(2));
    await vi.advanceTimersByTimeAsync(2_500);
    questions[1]!.answer(tally(2));
    happen('tally', tally(3));
    expect(questions).toHaveLength(3);
    questions[2]!.answer(tally(50));
    expect(heard).toEqual([1, 50]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(questions).toHaveLength(3);
  });
});
