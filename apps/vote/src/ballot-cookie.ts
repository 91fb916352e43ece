import type { Poll } from '@hbf/contracts/poll';
import { choiceFault } from '@hbf/contracts/poll';
import { RECEIPT_PURPOSE, type Receipt, readReceipt } from '@hbf/receipt/receipt';
import { createKeyring, type Key } from '@hbf/service-kit/keyring';
import type { Request, Response } from 'express';
import type { CookieSettings } from './cookie-settings.ts';
import { sentCookies } from './sent-cookies.ts';

/** The last ballot that was accepted from this browser in one poll. */
export type OwnBallot = { choices: string[]; receipt: string };

/**
 * Remembers, in the browser alone, what it chose and the receipt: `<choices>~<receipt>~<kid>.<mac>`, one cookie for
 * each poll.
 */
export type BallotCookie = {
  /**
   * @param voter the voter that the browser is now; undefined in an `open` poll, where it is nobody in particular.
   * @returns undefined if there is none, it was not written by us for this voter and poll, or no longer fits the poll.
   */
  read(req: Request, poll: Poll, voter: Buffer | undefined): OwnBallot | undefined;
  write(req: Request, res: Response, poll: Poll, ballot: OwnBallot): void;
};

/**
 * What all ballot cookies of a browser may take together in a request. Servers refuse longer headers with a raw error,
 * on every page and for as long as the cookies live; and cookies of other programs on this host name come along.
 * One cookie takes at most 1.3 kB: 30 choices of 32 characters, receipt and signature.
 */
const MOST_BYTES = 3 * 1024;

export function createBallotCookie(
  keys: { voterKeys: readonly Key[]; receiptKeys: readonly Key[] },
  settings: CookieSettings,
): BallotCookie {
  const keyring = createKeyring(keys.voterKeys, 'ballot');
  const receipts = createKeyring(keys.receiptKeys, RECEIPT_PURPOSE);
  const prefix = settings.name('hbf_ballot_');

  const parse = (value: string | undefined): (OwnBallot & { read: Receipt }) | undefined => {
    const [choices, receipt, signature, ...rest] = (value ?? '').split('~');
    if (!choices || !receipt || !signature || rest.length > 0) return undefined;
    if (!keyring.verify(`${choices}~${receipt}`, signature)) return undefined;
    const read = readReceipt(receipts, receipt);
    return read && { choices: choices.split('.'), receipt, read };
  };

  /** The names of the cookies that must go before this one is written: those we cannot read, then the oldest. */
  const surplus = (req: Request, written: { name: string; value: string }): string[] => {
    let left = MOST_BYTES - sentBytes(written);
    const others = sentCookies(req, prefix)
      .filter(({ name }) => name !== written.name)
      .map((cookie) => ({ ...cookie, at: Number(parse(cookie.value)?.read.entryId.split('-')[0] ?? 0) }))
      .sort((a, b) => b.at - a.at);
    const over = others.filter((cookie) => {
      left -= sentBytes(cookie);
      return left < 0;
    });
    return [...new Set(over.map(({ name }) => name))];
  };

  return {
    read(req, poll, voter) {
      for (const { name, value } of sentCookies(req, `${prefix}${poll.key}`)) {
        const found = name === `${prefix}${poll.key}` ? parse(value) : undefined;
        if (!found || found.read.poll !== poll.key) continue;
        if (voter && !found.read.voter.equals(voter)) continue;
        if (choiceFault(poll, found.choices)) continue;
        return { choices: found.choices, receipt: found.receipt };
      }
      return undefined;
    },
    write(req, res, poll, ballot) {
      const name = `${prefix}${poll.key}`;
      const { maxAge: _, ...identity } = settings.options;
      // Options' keys hold no dot, receipts and signatures no tilde.
      const payload = `${ballot.choices.join('.')}~${ballot.receipt}`;
      const value = `${payload}~${keyring.sign(payload)}`;
      for (const old of surplus(req, { name, value })) res.clearCookie(old, identity);
      res.cookie(name, value, settings.options);
    },
  };
}

/** What a cookie takes in the header: `name=value; `. Names and values of ours are ASCII. */
function sentBytes({ name, value }: { name: string; value: string }): number {
  return name.length + value.length + 3;
}
