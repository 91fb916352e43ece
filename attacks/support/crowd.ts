import { ask } from './raw-http.ts';
import { vote } from './system.ts';
import { ballot, newVoter } from './voter.ts';

/** What honest voters were told, each ballot on a connection of its own. */
export type Told = {
  /** How long each answer took (ms), in order. */
  times: number[];
  /** Ballots that were never answered with 202. */
  lost: string[];
};

const VOTERS = 4;
const PAUSE_MS = 20;

/** Lets honest voters vote again and again while `work` lasts. */
export async function whileVoting<T>(work: () => Promise<T>, url = vote.url!): Promise<[T, Told]> {
  const told: Told = { times: [], lost: [] };
  let goesOn = true;
  const admitted = await Promise.all(Array.from({ length: VOTERS }, () => newVoter(url)));
  const voters = admitted.map(async ({ cookie }) => {
    while (goesOn) {
      const began = performance.now();
      try {
        const { status } = await ask(url, ballot('browser', cookie, '{"choices":["a"]}'));
        if (status !== 202) told.lost.push(String(status));
      } catch (error) {
        told.lost.push((error as Error).message);
      }
      told.times.push(performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  });
  try {
    return [await work(), told];
  } finally {
    goesOn = false;
    await Promise.all(voters);
  }
}
