import { voterOfBrowser, voterOfKey } from '@hbf/vote/voter';
import type { Random } from '../random.ts';
import type { Booth, Voter } from './booth.ts';
import type { DrillPoll } from './polls.ts';

const VOTER_COOKIE = /^((?:__Host-)?hbf_voter)=(([A-Za-z0-9_-]{22})\.[^;]+)/;
/** Between two tries to get a cookie (ms). */
const ASK_AGAIN_MS = 300;

/**
 * Makes somebody a voter in a poll: by a key of their own in an `open` poll, by a cookie that vote gives in a `browser`
 * poll. Tries until that succeeds.
 * @returns undefined if the booth closed before.
 */
export async function admit(
  booth: Booth,
  name: string,
  poll: DrillPoll,
  random: Random,
): Promise<Voter | undefined> {
  if (poll.eligibility === 'open') {
    // The seed's draw is in it: two drills on one system have different voters.
    const key = `${name}-${random.integer(0, 0x7fff_ffff).toString(16)}`;
    return { name, poll, pseudonym: voterOfKey(key, poll.key), headers: { 'idempotency-key': key } };
  }
  while (!booth.closing) {
    const got = await booth.get(`/api/polls/${poll.key}`, random);
    const cookie =
      got?.outcome === 'answered' && got.status === 200 ? readCookie(got.headers['set-cookie']) : undefined;
    if (cookie) {
      const pseudonym = voterOfBrowser(cookie.bits, poll.key);
      return { name, poll, pseudonym, headers: { cookie: cookie.text } };
    }
    await booth.pause(ASK_AGAIN_MS);
  }
  return undefined;
}

function readCookie(sent: readonly string[] = []): { text: string; bits: Buffer } | undefined {
  for (const line of sent) {
    const [, name, value, bits] = VOTER_COOKIE.exec(line) ?? [];
    if (bits !== undefined) return { text: `${name}=${value}`, bits: Buffer.from(bits, 'base64url') };
  }
  return undefined;
}
