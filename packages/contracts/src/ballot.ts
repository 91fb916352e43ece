import { z } from 'zod';

/** The body of `POST /api/polls/:poll/ballots`. Whether the choices fit the poll is checked by `choiceFault`. */
export const CastRequest = z.strictObject({ choices: z.array(z.string()) });
export type CastRequest = z.infer<typeof CastRequest>;

/** The answer to an accepted ballot. */
export type CastAnswer = { status: 'accepted'; receipt: string };

/** A voter as stored: 16 bytes that stand for one voter in one poll and cannot be linked across polls. */
export const VOTER_BYTES = 16;

/**
 * What identifies an accepted ballot for ever, and orders the ballots of a voter: the partition, the id of the
 * stream entry that it came in (`<ms>-<seq>`, given by Redis) and its index in that entry.
 */
export type BallotIdentity = { partition: number; entryId: string; index: number };

/** The partition of a voter. Writer and tests share this; P never changes once the system is set up. */
export function partitionOf(voter: Uint8Array, partitions: number): number {
  const view = new DataView(voter.buffer, voter.byteOffset, voter.byteLength);
  return view.getUint32(0) % partitions;
}
