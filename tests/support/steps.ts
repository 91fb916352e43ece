/** The steps of a batch at which a worker can be made to die (HBF_FAILPOINT), in order. */
export const STEPS = [
  'read',
  'begun',
  'moved',
  'recorded',
  'rejected',
  'notified',
  'committed',
  'trimmed',
] as const;
