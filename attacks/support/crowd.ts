import { setTimeout as wait } from 'node:timers/promises';
import { until } from '@hbf/drills/until';
import { expect } from 'vitest';
import { rawRequest, talk } from './raw-http.ts';
import { ballot, newVoter } from './voter.ts';

/** The service under attack, or one that is asked as it is. */
type Service = { readonly app: string; readonly url?: string };

const PEOPLE = 4;
const PAUSE_MS = 20;
/**
 * Nobody being served for so long is an outage. A machine that is busy with the attack itself holds answers up for much
 * less than that.
 */
const OUTAGE_MS = 5_000;

/**
 * Lets honest people use the very service that is attacked, again and again while `work` lasts, each time over a
 * connection of their own: they vote at vote, and look at the tally at result. Nothing is sent twice.
 * @throws where one of them got no answer, or another than the right one and 503; or where nobody got the right one for 5 s.
 */
export async function whileOthersUse<T>(service: Service, work: () => Promise<T>): Promise<T> {
  const { app } = service;
  const url = service.url!;
  const good = app === 'vote' ? 202 : 200;
  const requests = await Promise.all(Array.from({ length: PEOPLE }, () => requestTo(app, url)));
  const served = [performance.now()];
  const failed: string[] = [];
  let goesOn = true;
  const people = requests.map(async (request) => {
    while (goesOn) {
      const told = await talk(url, request).then(
        (responses) => responses.map(({ status }) => status).join() || 'nothing',
        (error: Error) => error.message,
      );
      if (told === String(good)) served.push(performance.now());
      else if (told !== '503') failed.push(told);
      await wait(PAUSE_MS);
    }
  });
  let done: T;
  try {
    done = await work();
    const ended = performance.now();
    await until('somebody is served after the attack', () => served.at(-1)! > ended);
  } finally {
    goesOn = false;
    await Promise.all(people);
  }
  expect(failed).toEqual([]);
  const gaps = served.slice(1).map((at, index) => at - served[index]!);
  expect(Math.max(...gaps), 'how long nobody was served').toBeLessThan(OUTAGE_MS);
  return done;
}

async function requestTo(app: string, url: string): Promise<string> {
  if (app !== 'vote') return rawRequest(url, { target: '/api/polls/other/tally' });
  const { cookie } = await newVoter(url);
  return rawRequest(url, ballot('browser', cookie, '{"choices":["a"]}'));
}
