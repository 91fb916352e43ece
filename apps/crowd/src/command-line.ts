import { type ParseArgsConfig, parseArgs } from 'node:util';
import { OptionKey, PollKey } from '@hbf/contracts/poll';
import type { BrowseOptions } from './browse/browse.ts';
import type { CapacityOptions } from './load/capacity.ts';
import type { CrowdOptions } from './load/run.ts';

export const USAGE = `Usage: crowd <command> [options]

Commands:
  seed      cast ballots of as many voters through the vote service, then check that the tally grew by exactly that
  load      let voters come at a rate, whoever is answered or not; then tell how long they waited, whether the SLA was
            held, and whether the tally is right
  capacity  raise the rate step by step until the SLA breaks; then tell which rate was the last that held
  browse    let voters vote and watch in real browsers

Options of all:
  --poll KEY           the poll (default: best-friend)
  --wait SECONDS       how long to wait for the services to answer, for one ballot to be accepted, and for the tally
                       to be exact (default: 60)

Options of seed:
  --ballots KEY=N,…    how many ballots for which option (default: 2000 for the poll's first option, 1000 for its second)
  --concurrency N      how many voters vote at the same time (default: 50)

Options of load:
  --rate N             visits a second, each with a ballot (default: 50)
  --duration SECONDS   for how long they come (default: 60)
  --revotes PERCENT    how many of the visits are made by voters who have voted before (default: 20)
  --pages PERCENT      how many of the visits get vote's page and then result's, as browsers do; the others ask vote's
                       API alone (default: 50)
  --watchers N         sockets that watch the tally (default: 20)
  --seed TEXT          what all choices are drawn from (default: any; it is printed)

Options of capacity: those of load but --rate, and
  --ramp FROM:TO:STEP  the rates (default: 20:1000:20)
  --duration SECONDS   how long each is kept up (default: 20)

Options of browse:
  --voters N           how many browsers' windows are open at a time (default: 3)
  --duration SECONDS   for how long new voters come (default: 60; 0: until it is stopped)
  --think SECONDS      how long a voter thinks, at most (default: 3)
  --screenshots FOLDER where pictures go, of the first voters and of pages that failed (default: none)
  --seed TEXT          as for load

Environment:
  VOTE_URL             origin of the vote service (default: http://localhost:5002)
  RESULT_URL           origin of the result service (default: http://localhost:5001)
  CROWD_KEY            one of the vote service's CROWD_KEYS, to pass its limits (also as CROWD_KEY_FILE)
  METRICS_PORT, METRICS_HOST
                       where load, capacity and browse tell what they see (default: 9104 at 127.0.0.1)
  CHROMIUM_PATH        the browser of browse (default: /usr/bin/chromium)

Exit codes: 0 all is as it should be; 1 the tally is not, the SLA was broken, no rate held, a page failed, or it could
not be done; 2 wrong usage; 3 nothing can be said of the SLA, since the crowd itself began its visits too late.
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

export type Command =
  | { name: 'help' }
  | { name: 'seed'; options: SeedOptions }
  | { name: 'load'; options: CrowdOptions }
  | { name: 'capacity'; options: CapacityOptions }
  | { name: 'browse'; options: BrowseOptions };

const common = {
  poll: { type: 'string', default: 'best-friend' },
  wait: { type: 'string', default: '60' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;
const crowd = {
  ...common,
  revotes: { type: 'string', default: '20' },
  pages: { type: 'string', default: '50' },
  watchers: { type: 'string', default: '20' },
  seed: { type: 'string' },
} as const;

/**
 * @param args what stands after the program's name.
 * @param newSeed gives one where none is named.
 * @throws UsageError
 */
export function parseCommandLine(args: string[], newSeed: () => string): Command {
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h') return { name: 'help' };
  if (name === undefined || name.startsWith('-')) throw new UsageError('Name a command');
  if (name === 'seed') return parseSeed(rest);
  if (name === 'load') return parseLoad(rest, newSeed);
  if (name === 'capacity') return parseCapacity(rest, newSeed);
  if (name === 'browse') return parseBrowse(rest, newSeed);
  throw new UsageError(`There is no command "${name}"`);
}

function parseSeed(args: string[]): Command {
  const values = parse(args, {
    ...common,
    ballots: { type: 'string' },
    concurrency: { type: 'string', default: '50' },
  });
  if (values.help) return { name: 'help' };
  return {
    name: 'seed',
    options: {
      ...readCommon(values),
      ballots: values.ballots === undefined ? undefined : parseBallots(values.ballots),
      concurrency: wholeNumber('--concurrency', values.concurrency, 1, 1_000),
    },
  };
}

function parseLoad(args: string[], newSeed: () => string): Command {
  const values = parse(args, {
    ...crowd,
    rate: { type: 'string', default: '50' },
    duration: { type: 'string', default: '60' },
  });
  if (values.help) return { name: 'help' };
  const rate = wholeNumber('--rate', values.rate, 1, 100_000);
  return { name: 'load', options: { ...readCrowd(values, newSeed), rate } };
}

function parseCapacity(args: string[], newSeed: () => string): Command {
  const values = parse(args, {
    ...crowd,
    ramp: { type: 'string', default: '20:1000:20' },
    duration: { type: 'string', default: '20' },
  });
  if (values.help) return { name: 'help' };
  return { name: 'capacity', options: { ...readCrowd(values, newSeed), ramp: parseRamp(values.ramp) } };
}

function parseBrowse(args: string[], newSeed: () => string): Command {
  const values = parse(args, {
    ...common,
    voters: { type: 'string', default: '3' },
    duration: { type: 'string', default: '60' },
    think: { type: 'string', default: '3' },
    screenshots: { type: 'string' },
    seed: { type: 'string' },
  });
  if (values.help) return { name: 'help' };
  return {
    name: 'browse',
    options: {
      ...readCommon(values),
      voters: wholeNumber('--voters', values.voters, 1, 100),
      durationMs: wholeNumber('--duration', values.duration, 0, 86_400) * 1_000,
      thinkMs: wholeNumber('--think', values.think, 0, 600) * 1_000,
      screenshots: values.screenshots,
      seed: values.seed ?? newSeed(),
    },
  };
}

function parse<const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  options: Options,
) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function readCommon(values: { poll: string; wait: string }) {
  if (!PollKey.safeParse(values.poll).success)
    throw new UsageError(`--poll: "${values.poll}" is no poll's key`);
  return { poll: values.poll, waitMs: wholeNumber('--wait', values.wait, 1, 3_600) * 1_000 };
}

function readCrowd(
  values: {
    poll: string;
    wait: string;
    duration: string;
    revotes: string;
    pages: string;
    watchers: string;
    seed?: string | undefined;
  },
  newSeed: () => string,
): Omit<CrowdOptions, 'rate'> {
  return {
    ...readCommon(values),
    durationMs: wholeNumber('--duration', values.duration, 1, 86_400) * 1_000,
    revotes: wholeNumber('--revotes', values.revotes, 0, 100) / 100,
    pages: wholeNumber('--pages', values.pages, 0, 100) / 100,
    watchers: wholeNumber('--watchers', values.watchers, 0, 10_000),
    seed: values.seed ?? newSeed(),
  };
}

function parseRamp(text: string): CapacityOptions['ramp'] {
  const [from = '', to = '', step = '', ...rest] = text.split(':');
  if (rest.length > 0)
    throw new UsageError(`--ramp: "${text}" is not of the form FROM:TO:STEP, as in 20:1000:20`);
  const least = wholeNumber('--ramp: FROM', from, 1, 100_000);
  return {
    from: least,
    to: wholeNumber('--ramp: TO', to, least, 100_000),
    step: wholeNumber('--ramp: STEP', step, 1, 100_000),
  };
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
