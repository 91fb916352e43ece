import type { Fault } from '../faults/fault.ts';
import type { Random } from '../random.ts';

/** More than so many faults at once, and the system never does anything. */
const MOST_AT_ONCE = 3;

/**
 * Draws the next fault of a mixed drill, of those that touch no part that an applied one touches. Those that have not come
 * yet come first: by mere chance some of so many never would. While none is applied, it is the widest of them: they fit
 * beside hardly any other, and at no other moment.
 * @param possible of which is drawn; @param applied those that are not healed yet; @param hadBefore those that have come.
 * @returns undefined where none fits.
 */
export function chooseNext(
  possible: readonly Fault[],
  applied: readonly Fault[],
  hadBefore: ReadonlySet<Fault>,
  random: Random,
): Fault | undefined {
  if (applied.length >= MOST_AT_ONCE) return undefined;
  const touched = new Set(applied.flatMap(({ touches }) => touches));
  const fitting = possible.filter(({ touches }) => !touches.some((part) => touched.has(part)));
  const fresh = fitting.filter((fault) => !hadBefore.has(fault));
  const widest = Math.max(...fresh.map(({ touches }) => touches.length));
  const preferred = applied.length > 0 ? fresh : fresh.filter(({ touches }) => touches.length === widest);
  const from = preferred.length > 0 ? preferred : fitting;
  return from.length > 0 ? random.pick(from) : undefined;
}
