import { createHash, randomBytes } from 'node:crypto';
import { configureGlobal } from 'fast-check';

/** What all random attacks are drawn from: the same SEED tries the same again. */
const seed = process.env.SEED || randomBytes(4).toString('hex');
console.log(`The attacks run with SEED=${seed}`);

/** The long part runs too: what takes long, and many more tries of what is random. */
export const FULL = process.env.ATTACK === 'full';

configureGlobal({
  seed: createHash('sha256').update(seed).digest().readInt32LE(0),
  numRuns: FULL ? 2_000 : 100,
  // Each failing case is tried on a real system; what it shrinks to is worth a minute. Less than the time-out of a test in
  // vitest.config.ts, which would end it without a word of what failed.
  interruptAfterTimeLimit: FULL ? 240_000 : 40_000,
  // Fewer tries than were asked for are not what the report of this run would say.
  markInterruptAsFailure: true,
});
