import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectDocumented } from './support/documented.ts';
import { ask } from './support/raw-http.ts';
import './support/seed.ts';
import { countBallots, vote } from './support/system.ts';
import { ballot, newVoter } from './support/voter.ts';
import { watchOver } from './support/watch-over.ts';

watchOver();

const OPTIONS = ['a', 'b', 'c', 'd'];
const MAX_BYTES = 4_096;

/** What one voter's ballots count as, as long as each that is accepted supersedes the one before. */
function createLedger(poll: string) {
  let last: readonly string[] | undefined;
  return {
    accept(choices: readonly string[]) {
      last = choices;
    },
    /** Nothing counts that was not accepted, and of what was accepted the last. */
    async expectBalanced(before: Record<string, number>) {
      const after = await countBallots(poll);
      const expected = { ...before };
      for (const choice of last ?? []) expected[choice] = (expected[choice] ?? 0) + 1;
      expect(after).toEqual(expected);
    },
  };
}

/** What the contract says of a body, told without a line of the service: the status, and the choices if it is accepted. */
function judge(bytes: Buffer): { status: number; choices?: string[] } {
  if (bytes.length > MAX_BYTES) return { status: 413 };
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8').decode(bytes));
  } catch {
    return { status: 400 };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { status: 400 };
  const { choices } = value as { choices?: unknown };
  if (Reflect.ownKeys(value).join() !== 'choices' || !Array.isArray(choices)) return { status: 400 };
  if (!choices.every((choice) => typeof choice === 'string')) return { status: 400 };
  const fits =
    choices.length >= 1 &&
    choices.length <= 3 &&
    new Set(choices).size === choices.length &&
    choices.every((choice) => OPTIONS.includes(choice));
  return fits ? { status: 202, choices } : { status: 422 };
}

const evilKey = fc.constantFrom(
  '__proto__',
  'constructor',
  'prototype',
  'toJSON',
  'toString',
  'length',
  'then',
  'choices',
  'vote',
);
const evilText = fc.oneof(
  fc.constantFrom(...OPTIONS, ...OPTIONS),
  fc.constantFrom(
    'A',
    'a\0',
    '\0',
    ' a',
    'a ',
    'ａ',
    'а',
    'a\u0301',
    '\ud800',
    '\udfff\ud800',
    '\u202ea',
    '__proto__',
    'e',
    '',
    'NaN',
    '0',
    '[object Object]',
  ),
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.integer({ min: 100, max: 5_000 }).map((length) => 'a'.repeat(length)),
);
const evilChoices = fc.oneof(
  { arbitrary: fc.array(evilText, { maxLength: 6 }), weight: 3 },
  fc.array(fc.jsonValue(), { maxLength: 4 }),
  fc.jsonValue(),
);

/** JSON as text, with keys that an object literal could not have. */
const evilObject = fc
  .array(fc.tuple(fc.oneof({ arbitrary: fc.constant('choices'), weight: 3 }, evilKey), evilChoices), {
    maxLength: 4,
  })
  .map(
    (pairs) => `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join()}}`,
  );

const deep = fc
  .tuple(fc.constantFrom('[', '{"choices":'), fc.integer({ min: 1, max: 4_000 }))
  .map(([open, depth]) => {
    const close = open === '[' ? ']' : '}';
    return `{"choices":${open.repeat(depth)}1${close.repeat(depth)}}`;
  });

const evilJson = fc
  .oneof(
    { arbitrary: evilObject, weight: 4 },
    { arbitrary: evilChoices.map((choices) => JSON.stringify({ choices })), weight: 4 },
    fc.json(),
    deep,
    fc.constantFrom(
      '',
      ' ',
      'null',
      'true',
      '1',
      '"a"',
      '[]',
      '{}',
      '["a"]',
      'NaN',
      '{"choices":NaN}',
      '{"choices":[-0]}',
      '{"choices":[1e999]}',
      "{'choices':['a']}",
      '{"choices":["a"],}',
      '{"choices":["a"]}}',
      '{"choices":["a"]}\0',
      '\0{"choices":["a"]}',
      '/**/{"choices":["a"]}',
      '{"choices":["a"]}{"choices":["b"]}',
      '{"choices":["a"],"choices":["b"]}',
      '{"choices":["b"],"choices":null}',
      '{"\\u0063hoices":["a"]}',
      '{"choices":["\\u0061"]}',
      '{"choices":{"0":"a","length":1}}',
      '{"choices":"a"}',
      '{"choices":[["a"]]}',
      '{"choices":[{"toString":"a"}]}',
      '{"__proto__":{"choices":["a"]}}',
      '{"constructor":{"prototype":{"choices":["a"]}}}',
      '{"choices":["a"],"__proto__":{"admin":true}}',
      '{"choices":["a","__proto__"]}',
      '{"choices":["\\ud800"]}',
      '{"choices":[]}',
      '\t\r\n{"choices":["a"]}\n',
    ),
  )
  .map((text) => Buffer.from(text));

/** Bytes that no text is encoded as, or that several could be. */
const evilBytes = fc.oneof(
  fc.constantFrom(
    Buffer.from('\ufeff{"choices":["a"]}'),
    Buffer.from('{"choices":["a"]}', 'utf16le'),
    Buffer.from([...Buffer.from('{"choices":["'), 0xc1, 0xa1, ...Buffer.from('"]}')]),
    Buffer.from([...Buffer.from('{"choices":["a'), 0xc0, 0x80, ...Buffer.from('"]}')]),
    Buffer.from([...Buffer.from('{"choices":["a"]'), 0xed, 0xa0, 0x80, ...Buffer.from('}')]),
    Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]),
  ),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.tuple(evilJson, fc.nat(4_096), fc.integer({ min: 0, max: 255 })).map(([bytes, at, byte]) => {
    const changed = Buffer.from(bytes);
    if (changed.length > 0) changed[at % changed.length] = byte;
    return changed;
  }),
);

describe('JSON of any kind', () => {
  it('is answered as the contract says, and nothing counts but what was accepted', async () => {
    const voter = await newVoter();
    const before = await countBallots('several');
    const ledger = createLedger('several');
    await fc.assert(
      fc.asyncProperty(fc.oneof(evilJson, evilBytes), async (bytes) => {
        const response = await ask(vote.url!, ballot('several', voter.cookie, bytes.toString('latin1')));
        expectDocumented(response);
        const { status, choices } = judge(bytes);
        expect(response.status, bytes.toString()).toBe(status);
        if (choices) ledger.accept(choices);
      }),
    );
    await ledger.expectBalanced(before);
  });

  it('around 4 kB is read to the last byte that is allowed, and refused from the next', async () => {
    const voter = await newVoter();
    for (const length of [4_094, 4_095, 4_096, 4_097, 4_098, 8_192, 1_000_000]) {
      const body = '{"choices":["a"]}'.padEnd(length, ' ');
      const response = await ask(vote.url!, ballot('several', voter.cookie, body));
      expectDocumented(response);
      expect(response.status, String(length)).toBe(length > MAX_BYTES ? 413 : 202);
    }
  });
});

/** As a browser writes a field of a form. */
const encode = (text: string) =>
  encodeURIComponent(text.toWellFormed?.() ?? text.replace(/[\ud800-\udfff]/g, '\ufffd'));

describe('a form of any kind', () => {
  const field = fc.tuple(
    fc.oneof(
      { arbitrary: fc.constant('vote'), weight: 3 },
      fc.constantFrom(
        'vote[]',
        'vote[0]',
        'vote.a',
        'Vote',
        '__proto__',
        '__proto__[vote]',
        'constructor[prototype][vote]',
        '',
        'ballot-key',
      ),
    ),
    evilText,
  );

  it('is answered by the poll as the contract says, and counts only if it is accepted', async () => {
    const voter = await newVoter();
    const before = await countBallots('several');
    const ledger = createLedger('several');
    const forms = fc.oneof(
      fc
        .array(field, { maxLength: 6 })
        .map((fields) => fields.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')),
      fc.constantFrom(
        'vote=a;vote=b',
        'vote=%',
        'vote=%E0%A4%A',
        'vote=%00',
        'vote=%c1%a1',
        'vote',
        '&&&',
        '=',
        'vote=a&vote=a',
        '?vote=a',
        'vote=a#b',
      ),
      fc.string({ unit: 'binary-ascii', maxLength: 200 }),
    );
    await fc.assert(
      fc.asyncProperty(forms, async (body) => {
        const response = await ask(vote.url!, {
          method: 'POST',
          target: '/p/several',
          headers: [
            ['Content-Type', 'application/x-www-form-urlencoded'],
            ['Cookie', voter.cookie],
          ],
          body,
        });
        expectDocumented(response);
        const choices = new URLSearchParams(body).getAll('vote');
        const judged = body.length > MAX_BYTES ? 413 : judge(Buffer.from(JSON.stringify({ choices }))).status;
        expect(response.status, body).toBe(judged === 202 ? 303 : judged);
        if (judged === 202) ledger.accept(choices);
      }),
    );
    await ledger.expectBalanced(before);
  });
});

describe('a ballot-key of any kind in the form of an open poll', () => {
  it('is printable ASCII of 1 to 200 characters or refused, and the same one is the same voter', async () => {
    // Nobody else in this poll has a key with this in it.
    const mark = randomBytes(8).toString('hex');
    const key = fc.oneof(
      fc.constantFrom(
        mark,
        ` ${mark} `,
        `__proto__${mark}`,
        `{"${mark}":["a"]}`,
        `${mark}é`,
        `${mark}\0`,
        `${mark}\r\n`,
        mark.padEnd(200, 'x'),
        mark.padEnd(201, 'x'),
        mark.padEnd(4_000, 'x'),
        '',
      ),
      fc.string({ unit: 'grapheme-ascii', maxLength: 200 }).map((text) => mark + text),
      fc.string({ unit: 'binary', maxLength: 60 }).map((text) => mark + text),
    );
    const choice = fc.oneof({ arbitrary: fc.constantFrom('a', 'b'), weight: 4 }, evilText);
    const other = fc.constantFrom('Ballot-Key', 'ballot-key[]', '__proto__[ballot-key]', 'Idempotency-Key');
    const form = fc.tuple(
      fc.array(choice, { minLength: 1, maxLength: 2 }).map((texts) => texts.map((text) => ['vote', text])),
      fc.array(fc.tuple(other, key), { maxLength: 1 }),
      // Never without one: sent again after a 503, it would be another voter's.
      fc.array(key, { minLength: 1, maxLength: 2 }).map((texts) => texts.map((text) => ['ballot-key', text])),
    );
    const before = await countBallots('hands');
    /** What counts for each key. */
    const counted = new Map<string, string>();
    await fc.assert(
      fc.asyncProperty(form, async (parts) => {
        const body = parts
          .flat()
          .map(([name, text]) => `${encode(name!)}=${encode(text!)}`)
          .join('&');
        const response = await ask(vote.url!, {
          method: 'POST',
          target: '/p/hands',
          headers: [['Content-Type', 'application/x-www-form-urlencoded']],
          body,
        });
        expectDocumented(response);
        const fields = new URLSearchParams(body);
        const sent = fields.get('ballot-key')!;
        const choices = fields.getAll('vote');
        const fits = choices.length === 1 && ['a', 'b'].includes(choices[0]!);
        const judged =
          body.length > MAX_BYTES ? 413 : !/^[\x20-\x7e]{1,200}$/.test(sent) ? 400 : fits ? 303 : 422;
        expect(response.status, body).toBe(judged);
        if (judged === 303) counted.set(sent, choices[0]!);
      }),
    );
    expect(counted.size).toBeGreaterThan(5);
    const expected = { ...before };
    for (const choice of counted.values()) expected[choice] = (expected[choice] ?? 0) + 1;
    expect(await countBallots('hands')).toEqual(expected);
  });
});

describe('an Idempotency-Key of any kind', () => {
  it('is printable ASCII of 1 to 200 characters or refused, in an open poll', async () => {
    let accepted = 0;
    const before = (await countBallots('hands')).a ?? 0;
    const key = fc.oneof(
      fc.string({
        unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
        maxLength: 250,
      }),
      fc.constantFrom(
        '',
        ' ',
        '__proto__',
        '\t',
        'x\ty',
        'x'.repeat(200),
        'x'.repeat(201),
        'é',
        '{}',
        'a, b',
      ),
    );
    const known = new Set<string>();
    await fc.assert(
      fc.asyncProperty(key, async (text) => {
        const request = ballot('hands', undefined, '{"choices":["a"]}');
        const response = await ask(vote.url!, {
          ...request,
          headers: [...request.headers, ['Idempotency-Key', text]],
        });
        expectDocumented(response);
        const sent = text.replace(/^[ \t]+|[ \t]+$/g, '');
        expect(response.status, JSON.stringify(text)).toBe(/^[\x20-\x7e]{1,200}$/.test(sent) ? 202 : 400);
        if (response.status === 202 && !known.has(sent)) accepted += 1;
        if (response.status === 202) known.add(sent);
      }),
    );
    expect((await countBallots('hands')).a).toBe(before + accepted);
  });
});
