import type { Session } from '@hbf/ballot-store/connection';
import { noteTurnout } from '@hbf/ballot-store/note-turnout';
import { thinTurnout } from '@hbf/ballot-store/thin-turnout';
import type { Logger } from '@hbf/service-kit/logger';

const NOTE_EVERY_MS = 5_000;
const THIN_EVERY_MS = 60_000;
// A statement that times out takes longer than a heartbeat may be late: not with every try.
const REST_AFTER_FAILURE_MS = 60_000;

/** What the owner of a partition knows of how its turnout is kept. Times in ms, of our monotonic clock. */
export type KeptTurnout = {
  /** Whether it may have grown since it was noted. */
  grown: boolean;
  notBefore: number;
  thinNotBefore: number;
};

/** As of a take-over: nobody knows what the owner before has noted. */
export function createKeptTurnout(): KeptTurnout {
  return { grown: true, notBefore: Number.NEGATIVE_INFINITY, thinNotBefore: Number.NEGATIVE_INFINITY };
}

/**
 * Notes how the turnout of a partition grew: once in 5 s at most, and nothing where nothing was recorded. Thins what was
 * noted, once a minute at most. That it fails must cost nobody a ballot: it is logged, and tried again a minute later.
 * @throws what the session was lost by.
 */
export async function keepTurnout(held: {
  readonly partition: number;
  readonly session: Session;
  readonly log: Pick<Logger, 'warn'>;
  readonly turnout: KeptTurnout;
}): Promise<void> {
  const { partition, session, log, turnout } = held;
  const now = performance.now();
  if (!turnout.grown || now < turnout.notBefore) return;
  turnout.notBefore = now + NOTE_EVERY_MS;
  try {
    await noteTurnout(session, partition);
    turnout.grown = false;
    if (now < turnout.thinNotBefore) return;
    turnout.thinNotBefore = now + THIN_EVERY_MS;
    await thinTurnout(session, partition);
    // The newest point may be among those that went, if the clock was wrong: so it is noted again.
    turnout.grown = true;
  } catch (error) {
    if (session.lost) throw session.lost;
    turnout.notBefore = now + REST_AFTER_FAILURE_MS;
    log.warn({ err: error }, 'the turnout could not be noted: how it grew will be told less exactly');
  }
}
