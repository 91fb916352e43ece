import type { Poll } from '@hbf/contracts/poll';
import { PollsFile } from '@hbf/contracts/polls-file';
import { isMap, isNode, isPair, LineCounter, type Node, parseDocument, visit } from 'yaml';
import type { z } from 'zod';

/** A mistake in the polls file, with the line that it is on. */
export type FileMistake = { line: number; message: string };

export type ReadPollsFile = {
  polls: Poll[];
  /** The line of a field of a poll, for mistakes that only the database knows of. */
  lineOf(poll: string, field: string): number;
};

/** Reads polls.yaml. @returns the polls in order, or every mistake in it. */
export function parsePollsFile(text: string): ReadPollsFile | { mistakes: FileMistake[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    return {
      mistakes: document.errors.map((error) => ({
        line: lines.linePos(error.pos[0]).line,
        message: error.message,
      })),
    };
  }
  const line = (path: readonly PropertyKey[]) => lines.linePos(offsetOf(document.contents, path)).line;
  // Aliases could make a small file expand without bound; a polls file has no use for them.
  let alias: FileMistake | undefined;
  visit(document, {
    Alias(_, node) {
      const at = lines.linePos(node.range?.[0] ?? 0).line;
      alias = { line: at, message: `aliases (*${node.source}) cannot be used here` };
      return visit.BREAK;
    },
  });
  if (alias) return { mistakes: [alias] };
  const content: unknown = document.toJS({ maxAliasCount: 0 });
  const parsed = PollsFile.safeParse(content, { reportInput: true });
  if (!parsed.success) {
    return {
      mistakes: parsed.error.issues.flatMap((issue) =>
        placesOf(issue).map((path) => ({ line: line(path), message: `${nameOf(path)}: ${explain(issue)}` })),
      ),
    };
  }
  const time = (text: string | undefined) => (text === undefined ? null : Date.parse(text));
  const polls = parsed.data.polls.map(
    (poll, rank): Poll => ({
      key: poll.key,
      rank,
      question: poll.question,
      // In the file's order: an object puts keys that look like numbers first.
      options: optionKeys(document.getIn(['polls', rank, 'options'])).map((key) => ({
        key,
        label: poll.options[key]!,
      })),
      eligibility: poll.eligibility,
      choices: poll.choices,
      results: poll.results,
      opensAt: time(poll.opensAt),
      closesAt: time(poll.closesAt),
    }),
  );
  return {
    polls,
    lineOf: (poll, field) => line(['polls', polls.findIndex(({ key }) => key === poll), field]),
  };
}

function optionKeys(options: unknown): string[] {
  return isMap(options) ? options.items.map(({ key }) => String(key)) : [];
}

type Issue = z.core.$ZodIssue;

/** The places of an issue: a field that does not belong there is a place of its own. */
function placesOf(issue: Issue): PropertyKey[][] {
  return issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
}

/** A place as a host would name it: polls are counted from 1. */
function nameOf([first, index, ...rest]: readonly PropertyKey[]): string {
  if (first === undefined) return 'the file';
  if (index === undefined) return String(first);
  return [`poll ${Number(index) + 1}`, ...rest.map(String)].join(', ');
}

const KINDS: Record<string, string> = {
  object: 'a set of fields',
  record: 'a set of keys with their labels',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
};

function explain(issue: Issue): string {
  if (issue.code === 'unrecognized_keys') return 'there is no such field';
  if (issue.code === 'invalid_type') {
    return issue.input === undefined ? 'is missing' : `must be ${KINDS[issue.expected] ?? issue.expected}`;
  }
  return issue.message;
}

/** Where the deepest node of the path that exists begins. For a field, where its name stands. */
function offsetOf(root: Node | null, path: readonly PropertyKey[]): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && String(item.key) === String(step));
      if (!pair) break;
      if (isNode(pair.key) && pair.key.range) offset = pair.key.range[0];
      node = pair.value;
    } else {
      const next = (node as { items?: unknown[] } | null)?.items?.[Number(step)];
      if (!isNode(next)) break;
      node = next;
      if (next.range) offset = next.range[0];
    }
  }
  return offset;
}
