import type { Poll } from '@hbf/contracts/poll';
import { choiceFault } from '@hbf/contracts/poll';
import { RECEIPT_PURPOSE, type Receipt, readReceipt } from '@hbf/receipt/receipt';
import { createKeyring, type Key } from '@hbf/service-kit/keyring';
import { parseCookie } from 'cookie';
import type { Request, Response } from 'express';
import type { CookieSettings } from './cookie-settings.ts';

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

// A request's headers must stay under 8 kB, whatever the number of polls that a browser voted in.
const MOST_COOKIES = 20;

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

  /** The names of the cookies that must go before another is added: those we cannot read, then the oldest. */
  const surplus = (req: Request, except: string): string[] => {
    const acceptedAt = (value: string | undefined) => Number(parse(value)?.read.entryId.split('-')[0] ?? 0);
    return Object.entries(parseCookie(req.headers.cookie ?? ''))
      .filter(([name]) => name.startsWith(prefix) && name !== except)
      .map(([name, value]) => ({ name, at: acceptedAt(value) }))
      .sort((a, b) => b.at - a.at)
      .slice(MOST_COOKIES - 1)
      .map(({ name }) => name);
  };

  return {
    read(req, poll, voter) {
      const found = parse(parseCookie(req.headers.cookie ?? '')[`${prefix}${poll.key}`]);
      if (!found || found.read.poll !== poll.key) return undefined;
      if (voter && !found.read.voter.equals(voter)) return undefined;
      if (choiceFault(poll, found.choices)) return undefined;
      return { choices: found.choices, receipt: found.receipt };
    },
    write(req, res, poll, ballot) {
      const name = `${prefix}${poll.key}`;
      const { maxAge: _, ...identity } = settings.options;
      for (const old of surplus(req, name)) res.clearCookie(old, identity);
      // Options' keys hold no dot, receipts and signatures no tilde.
      const payload = `${ballot.choices.join('.')}~${ballot.receipt}`;
      res.cookie(name, `${payload}~${keyring.sign(payload)}`, settings.options);
    },
  };
}
