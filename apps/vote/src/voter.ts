import { createHmac, randomBytes } from 'node:crypto';
import { VOTER_BYTES } from '@hbf/contracts/ballot';

/**
 * The voter, in one poll, that a browser's cookie stands for. Two polls cannot be linked through it, and the keys that
 * sign the cookie have no part in it: rotating them changes nobody.
 */
export function voterOfBrowser(cookieBits: Buffer, poll: string): Buffer {
  return pseudonym(cookieBits, poll);
}

/**
 * The voter, in an `open` poll, that a key stands for which the client chose for one ballot. The colon keeps these
 * apart from the browsers' ones: no poll's key has one.
 */
export function voterOfKey(ballotKey: string, poll: string): Buffer {
  return pseudonym(Buffer.from(ballotKey), `open:${poll}`);
}

/** A voter that nobody can be again. */
export function voterAtRandom(): Buffer {
  return randomBytes(VOTER_BYTES);
}

function pseudonym(key: Buffer, message: string): Buffer {
  return createHmac('sha256', key).update(message).digest().subarray(0, VOTER_BYTES);
}

const BALLOT_KEY = /^[\x20-\x7e]{1,200}$/;

/** Whether a text may be a ballot's key: 1 to 200 printable ASCII characters. */
export function isBallotKey(text: string): boolean {
  return BALLOT_KEY.test(text);
}

/** The hidden key of an `open` poll's form: sent again with the same form, it is the same voter. */
export function newBallotKey(): string {
  return randomBytes(16).toString('base64url');
}
