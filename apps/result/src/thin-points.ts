import type { TurnoutPoint } from '@hbf/ballot-store/read-turnout-points';

/**
 * At most `most` of the points, which must grow in `at`: the first, and of each of equal spans of time the last.
 * Those that stay are as they were.
 */
export function thinPoints(points: readonly TurnoutPoint[], most: number): readonly TurnoutPoint[] {
  if (points.length <= most) return points;
  const first = points[0]!.at;
  const whole = points.at(-1)!.at - first;
  const spanOf = ({ at }: TurnoutPoint) => Math.ceil(((most - 1) * (at - first)) / whole);
  return points.filter((point, index) => {
    const next = points[index + 1];
    return !next || spanOf(next) !== spanOf(point);
  });
}
