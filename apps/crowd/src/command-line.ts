import { parseArgs } from 'node:util';
import { OptionKey, PollKey } from '@hbf/contracts/poll';

export const USAGE = `Usage: crowd <command> [options]

Commands:
  seed    cast ballots of as many voters through the vote service, then check that the tally grew by exactly that

Options of seed:
  --poll KEY           the poll (default: best-friend)
  --ballots KEY=N,…    how many ballots for which option (default: 2000 for the poll's first option, 1000 for its second)
  --concurrency N      how many voters vote at the same time (default: 50)
  --wait SECONDS       how long to wait for the services to answer, for one ballot to be accepted, and for the tally
                       to be exact (default: 60)

Environment:
  VOTE_URL             origin of the vote service (default: http://localhost:5002)
  RESULT_URL           origin of the result service (default: http://localhost:5001)
  CROWD_KEY            one of the vote service's CROWD_KEYS, to pass its limits (also as CROWD_KEY_FILE)

Exit codes: 0 the tally grew by exactly the ballots; 1 it did not, or they could not be cast; 2 wrong usage.
`;

/** What the user asked for wrongly: the message says it, and the usage helps. */
export class UsageError extends Error {
  override name = 'UsageError';
}

export type SeedOptions = {
  poll: string;
  /** How many ballots for which option; undefined: the poll's first two options get the default numbers. */
  ballots: ReadonlyMap<string, number> | undefined;
  concurrency: number;
  waitMs: number;
};

export type Command = { name: 'help' } | { name: 'seed'; options: SeedOptions };

/**
 * @param args what stands after the program's name.
 * @throws UsageError
 */
export function parseCommandLine(args: string[]): Command {
  const { values, positionals } = parse(args);
  if (values.help) return { name: 'help' };
  const [name, ...rest] = positionals;
  if (name === undefined) throw new UsageError('Name a command');
  if (name !== 'seed') throw new UsageError(`There is no command "${name}"`);
  if (rest.length > 0) throw new UsageError(`"${rest.join(' ')}" means nothing here`);
  if (!PollKey.safeParse(values.poll).success)
    throw new UsageError(`--poll: "${values.poll}" is no poll's key`);
  return {
    name,
    options: {
      poll: values.poll,
      ballots: values.ballots === undefined ? undefined : parseBallots(values.ballots),
      concurrency: wholeNumber('--concurrency', values.concurrency, 1, 1_000),
      waitMs: wholeNumber('--wait', values.wait, 1, 3_600) * 1_000,
    },
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        poll: { type: 'string', default: 'best-friend' },
        ballots: { type: 'string' },
        concurrency: { type: 'string', default: '50' },
        wait: { type: 'string', default: '60' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function parseBallots(text: string): Map<string, number> {
  const ballots = new Map<string, number>();
  for (const part of text.split(',')) {
    const [option = '', count = '', ...rest] = part.split('=');
    if (rest.length > 0 || !OptionKey.safeParse(option).success) {
      throw new UsageError(`--ballots: "${part}" is not of the form KEY=N, as in a=2000,b=1000`);
    }
    if (ballots.has(option)) throw new UsageError(`--ballots: "${option}" stands there twice`);
    ballots.set(option, wholeNumber(`--ballots: ${option}`, count, 1, 10_000_000));
  }
  return ballots;
}

function wholeNumber(what: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new UsageError(`${what}: "${text}" is not a whole number from ${min} to ${max}`);
  }
  return value;
}
