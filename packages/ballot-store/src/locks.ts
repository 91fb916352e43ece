/**
 * Advisory locks: the first key says what for, the second which. Arbitrary, but fixed: every worker of a system must
 * use the same.
 */
export const LOCK_MIGRATION = 0x48424601;
/** Held by the session that owns a partition; second key: the partition. */
export const LOCK_PARTITION = 0x48424602;
/** Held by each worker that takes part; second key: its own number. */
export const LOCK_MEMBER = 0x48424603;
