/**
 * The format of an entry of a ballot stream, both directions.
 *
 * An entry holds the ballots of one poll that one turn of a vote process's event loop accepted for one partition:
 * field `v` the version of this format, `p` the poll, `n` how many ballots it holds, `b` the ballots as a JSON array
 * of [voter in base64url, choices], and two that the append script sets: `t` the partition's total of accepted ballots
 * with these included, `a` when they were accepted (ms, Redis's clock). The id does not tell the latter: ids never go
 * back, and are ahead of a clock that did. An entry with any other shape was put in by hand.
 *
 * A worker calls an entry of a version that it does not know foreign, so workers are brought up to date before vote.
 */
export const ENTRY_VERSION = '2';

/** Entries had no `a` yet. Some may be queued still. */
const VERSION_WITHOUT_TIME = '1';

/**
 * More than this in one turn go into several entries: it bounds what a reader gets at once. A longer entry was put in
 * by hand, and the index of its last ballots might not fit where they are stored. It may grow, but never shrink while
 * entries are queued.
 */
export const MAX_BALLOTS_PER_ENTRY = 200;

export type NewBallot = {
  /** 16 bytes. */
  voter: Buffer;
  choices: readonly string[];
};

/** A ballot as read: everything in it is yet to be checked, since Redis is open to other hands. */
export type ReadBallot = { voter: Buffer; choices: string[] };

export type ReadEntry =
  | {
      kind: 'ballots';
      id: string;
      poll: string;
      total: number;
      /** See the function of this name. */
      acceptedAt: number;
      ballots: (ReadBallot | MalformedBallot)[];
    }
  | { kind: 'foreign'; id: string; reason: string; content: Buffer };

/** An element of a well-formed entry that is no ballot. */
export type MalformedBallot = { malformed: string; content: Buffer };

// Not over what a number holds.
const WHOLE_NUMBER = /^[1-9]\d{0,14}$/;

export function encodeBallots(ballots: readonly NewBallot[]): string {
  return JSON.stringify(ballots.map((ballot) => [ballot.voter.toString('base64url'), ballot.choices]));
}

/**
 * When Redis accepted an entry (ms, its clock): by its field, or by its id where that says nothing or cannot be true. Ids
 * are ahead of a clock that was set back, and never behind it.
 */
export function acceptedAt(id: string, field: string | undefined): number {
  const byId = Number(id.split('-')[0]);
  return field !== undefined && WHOLE_NUMBER.test(field) ? Math.min(Number(field), byId) : byId;
}

/** Never throws: what is no entry of ours comes back as `foreign`, with the reason. */
export function decodeEntry(id: string, fields: readonly Buffer[]): ReadEntry {
  const foreign = (reason: string): ReadEntry => ({
    kind: 'foreign',
    id,
    reason,
    content: Buffer.from(JSON.stringify(fields.map((field) => field.toString('latin1')))),
  });
  const byName = new Map<string, Buffer>();
  for (let i = 0; i + 1 < fields.length; i += 2) byName.set(fields[i]!.toString('latin1'), fields[i + 1]!);
  const [version, poll, count, body, total, time] = ['v', 'p', 'n', 'b', 't', 'a'].map((name) =>
    byName.get(name)?.toString('utf8'),
  );
  const timed = version !== VERSION_WITHOUT_TIME;
  if (version !== undefined && version !== ENTRY_VERSION && timed) {
    return foreign('the entry has an unknown format version');
  }
  if (
    fields.length !== (timed ? 12 : 10) ||
    version === undefined ||
    poll === undefined ||
    count === undefined ||
    body === undefined ||
    total === undefined ||
    (timed && time === undefined)
  ) {
    return foreign('the entry does not have the fields of a ballot entry');
  }
  if (!WHOLE_NUMBER.test(total)) return foreign('the entry has no valid total');
  if (time !== undefined && !WHOLE_NUMBER.test(time)) return foreign('the entry has no valid time');
  let list: unknown;
  try {
    list = JSON.parse(body);
  } catch {
    return foreign('the ballots of the entry are not JSON');
  }
  if (!Array.isArray(list) || list.length === 0 || String(list.length) !== count) {
    return foreign('the entry does not hold the number of ballots that it names');
  }
  if (list.length > MAX_BALLOTS_PER_ENTRY) return foreign('the entry holds more ballots than an entry may');
  return {
    kind: 'ballots',
    id,
    poll,
    total: Number(total),
    acceptedAt: acceptedAt(id, time),
    ballots: list.map(decodeBallot),
  };
}

function decodeBallot(element: unknown): ReadBallot | MalformedBallot {
  const malformed = (reason: string) => ({ malformed: reason, content: Buffer.from(write(element)) });
  if (!Array.isArray(element) || element.length !== 2) return malformed('not a ballot');
  const [voter, choices] = element as [unknown, unknown];
  if (typeof voter !== 'string' || !/^[A-Za-z0-9_-]{22}$/.test(voter))
    return malformed('the voter is not 16 bytes');
  if (!Array.isArray(choices) || !choices.every((choice) => typeof choice === 'string')) {
    return malformed('the choices are not a list of texts');
  }
  return { voter: Buffer.from(voter, 'base64url'), choices };
}

/** JSON of what was JSON. Parsing bears any depth of lists in lists, writing does not. */
function write(element: unknown): string {
  try {
    return JSON.stringify(element);
  } catch (error) {
    return `not shown: ${(error as Error).message}`;
  }
}
