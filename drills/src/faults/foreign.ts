import { partitionKeys } from '@hbf/ballot-stream/keys';
import type { Random } from '../random.ts';
import type { System } from '../system/system.ts';

/** As many as a drill's system has. */
export const PARTITIONS = 4;

/** Entries that vote never wrote: another format, half a ballot, a copy with a total of its own choice. */
const FOREIGN: readonly string[][] = [
  ['hello', 'world'],
  ['v', '1'],
  ['v', '1', 'p', 'faults', 'n', '1', 'b', 'not ballots', 't', '1'],
  ['v', '999', 'p', 'faults', 'n', '1', 'b', '', 't', '99999999'],
  ['v', '1', 'p', 'no-such-poll', 'n', '0', 'b', '', 't', '0'],
  ['v', '1', 'p', 'faults\u0000', 'n', '-1', 'b', '\u0000\u0000', 't', 'NaN'],
];

/** Puts one into a partition's stream by hand; returns its id. */
export async function putForeignEntry(
  { redis }: Pick<System, 'redis'>,
  partition: number,
  random: Random,
): Promise<string> {
  const { ballots } = partitionKeys(partition);
  return String(await redis.command('XADD', ballots, '*', ...random.pick(FOREIGN)));
}
