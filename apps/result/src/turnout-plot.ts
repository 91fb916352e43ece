import type { TurnoutPoint } from '@hbf/ballot-store/read-turnout-points';
import type { Tally } from '@hbf/contracts/tally';

/** The plot of a poll's turnout, in a box of 100 by 100; undefined while there is nothing to draw. */
export type TurnoutPlot = {
  curve: string;
  area: string;
  /** The moments at both ends, ISO 8601. */
  from: string;
  to: string;
  voters: number;
};

/** Where the plot of a tally ends: now, or when voting closed. */
export function turnoutNow({ asOf, closesAt, phase, turnout }: Tally): TurnoutPoint {
  const isOver = phase === 'closed' || phase === 'final';
  const at = Date.parse(asOf);
  return { at: isOver && closesAt !== null ? Math.min(at, Date.parse(closesAt)) : at, voters: turnout };
}

/**
 * Draws turnout over time. Pure, and safe in a browser: the server draws what it knows, the page goes on from there.
 * @param points in their order in time.
 * @param now the turnout as of now, where the curve ends.
 */
export function drawTurnout(points: readonly TurnoutPoint[], now: TurnoutPoint): TurnoutPlot | undefined {
  const all = [...points.filter(({ at }) => at < now.at), now];
  const [first] = all;
  const span = now.at - first!.at;
  if (all.length < 2 || span <= 0) return undefined;
  const most = Math.max(1, ...all.map(({ voters }) => voters));
  const place = ({ at, voters }: TurnoutPoint) =>
    `${round(((at - first!.at) / span) * 100)} ${round(98 - (voters / most) * 96)}`;
  const curve = `M${all.map(place).join('L')}`;
  return {
    curve,
    area: `${curve}L100 100L0 100z`,
    from: new Date(first!.at).toISOString(),
    to: new Date(now.at).toISOString(),
    voters: now.voters,
  };
}

const round = (value: number) => Math.round(value * 100) / 100;
