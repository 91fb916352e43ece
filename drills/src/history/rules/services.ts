import type { Evidence } from '../evidence.ts';
import type { Violation } from '../violation.ts';

/** The services themselves, in the end. */
export function checkServices({ final }: Evidence): Violation[] {
  const violations: Violation[] = final.deaths.map((what) => ({ rule: 'no-deaths', what }));
  const { ownedPartitions, partitions } = final;
  if (ownedPartitions !== partitions.length) {
    const what = `the workers own ${ownedPartitions} of ${partitions.length} partitions`;
    violations.push({ rule: 'all-owned', what });
  }
  return violations;
}
