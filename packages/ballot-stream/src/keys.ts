/**
 * Every key in Redis, from one place. The keys of a partition share a hash tag, so that one script may use them all.
 * Key names are part of the stored format: a change needs a migration of what is queued.
 */
export type PartitionKeys = {
  /** Stream: the entries, each with one or more ballots. */
  ballots: string;
  /**
   * Hash: `run`, `epoch`, `accepted`; `opened` and `base`, the newest id and the total when it was opened for this run;
   * `told`, the total that vote reminded it of, see REMIND.
   */
  state: string;
  /** Hash: a poll's key → `<opensAt> <closesAt> <closed>`, what the append script checks. */
  polls: string;
};

export function partitionKeys(partition: number): PartitionKeys {
  const tag = `hbf:{${partition}}`;
  return { ballots: `${tag}:ballots`, state: `${tag}:state`, polls: `${tag}:polls` };
}

/** Hash: `id` (the system's id) and `partitions`. Written once, by the first preparation. */
export const SYSTEM_KEY = 'hbf:system';
/** Hash: `revision` and `polls` (JSON): the definitions that vote reads. */
export const POLLS_KEY = 'hbf:polls';
