import type { CastAnswer } from '@hbf/contracts/ballot';
import type { ReceiptStatus } from '@hbf/contracts/tally';
import { until } from '@hbf/drills/until';
import { ask, type RawResponse } from './raw-http.ts';
import { result, vote } from './system.ts';

/** Somebody with a cookie of their own who votes as everybody should. */
export type Voter = {
  /** As the browser sends it back: `name=value`. */
  readonly cookie: string;
  cast(poll: string, choices?: readonly string[]): Promise<RawResponse>;
  /** @returns the receipt. @throws unless the ballot is accepted. */
  castAccepted(poll: string, choices?: readonly string[]): Promise<string>;
};

/** The `name=value` pairs of an answer's cookies. */
export function cookiesIn(response: RawResponse): string[] {
  return response.headers
    .filter(([name]) => name === 'set-cookie')
    .map(([, value]) => value.split(';', 1)[0]!);
}

export function ballot(poll: string, cookie: string | undefined, body: string) {
  return {
    method: 'POST',
    target: `/api/polls/${poll}/ballots`,
    headers: [
      ['Content-Type', 'application/json'] as const,
      ...(cookie === undefined ? [] : [['Cookie', cookie] as const]),
    ],
    body,
  };
}

export async function newVoter(url = vote.url!): Promise<Voter> {
  const cookie = cookiesIn(await ask(url, { target: '/api/polls/browser' }))[0]!;
  const voter: Voter = {
    cookie,
    cast: (poll, choices = ['a']) => ask(url, ballot(poll, cookie, JSON.stringify({ choices }))),
    async castAccepted(poll, choices) {
      const response = await voter.cast(poll, choices);
      if (response.status !== 202) throw new Error(`not accepted: ${response.status} ${response.body}`);
      return (JSON.parse(response.body) as CastAnswer).receipt;
    },
  };
  return voter;
}

export async function lookUp(receipt: string, url = result.url!): Promise<RawResponse> {
  return ask(url, { target: `/api/receipts/${receipt}` });
}

export function untilCounted(receipt: string): Promise<true> {
  return until('the ballot is counted', async () => {
    const { body } = await lookUp(receipt);
    return (JSON.parse(body) as ReceiptStatus).status === 'counted';
  });
}

/** The `Set-Cookie` headers of an answer, whole. */
export function setCookies(response: RawResponse): string[] {
  return response.headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value);
}
