import { readFileSync } from 'node:fs';
import { createKeyring, keys } from '@hbf/service-kit/keyring';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectDocumented, problemOf } from './support/documented.ts';
import { ask, openRaw, rawRequest } from './support/raw-http.ts';
import './support/seed.ts';
import { countBallots, KEYS, vote, withReplica } from './support/system.ts';
import { ballot, cookiesIn, newVoter, setCookies, untilCounted } from './support/voter.ts';
import { watchOver } from './support/watch-over.ts';

watchOver();

const A = '{"choices":["a"]}';
const voter = await newVoter();
const cookie = voter.cookie;
const value = cookie.slice('hbf_voter='.length);

/** Casts with a cookie header in a poll where nobody else votes. @returns the status. */
async function castWith(cookies: string): Promise<number> {
  const response = await ask(vote.url!, ballot('other', cookies, A));
  const problem = expectDocumented(response);
  if (response.status === 401) expect(problem).toBe('no-voter');
  return response.status;
}

/** How many voters are counted in that poll. */
const counted = async () => (await countBallots('other')).a ?? 0;

describe('a forged voter cookie', () => {
  it('is nobody, whichever bit of a real one was flipped', async () => {
    const before = await counted();
    const bytes = Buffer.from(value, 'latin1');
    const forged = Array.from({ length: bytes.length * 8 }, (_, bit) => {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      return changed.toString('latin1');
    });
    for (let from = 0; from < forged.length; from += 32) {
      const statuses = await Promise.all(
        forged.slice(from, from + 32).map((text) => castWith(`hbf_voter=${text}`)),
      );
      // What is no character of a header is refused by the parser.
      for (const status of statuses) expect([400, 401]).toContain(status);
    }
    expect(await counted()).toBe(before);
  });

  it('is nobody, however a real one was cut, lengthened, doubled or put together anew', async () => {
    const before = await counted();
    const other = (await newVoter()).cookie.slice('hbf_voter='.length);
    const at = fc.nat(value.length - 1);
    const printable = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 60 });
    const forged = fc.oneof(
      at.map((end) => value.slice(0, end)),
      at.map((start) => value.slice(start + 1)),
      at
        .map((where) => value.slice(0, where) + other.slice(where))
        .filter((text) => text !== value && text !== other),
      fc.tuple(at, printable).map(([where, text]) => value.slice(0, where) + text + value.slice(where)),
      printable.map((text) => `${text}${value}`),
      fc.tuple(printable, printable).map(([bits, mac]) => `${bits}.v1.${mac}`),
      fc.constantFrom(
        value.toUpperCase(),
        encodeURIComponent(`${value}\0`),
        `${value}=`,
        `${value}.`,
        `"${value}`,
      ),
      fc.constantFrom(...value.split('.').map((part) => value.replace(part, ''))),
    );
    await fc.assert(
      fc.asyncProperty(
        // A semicolon ends a cookie and white space around it is none of it: those are no forgeries.
        forged.filter((text) => !/[;\s]/.test(text) && text !== `"${value}"`),
        async (text) => {
          expect([400, 401]).toContain(await castWith(`hbf_voter=${text}`));
        },
      ),
    );
    expect(await counted()).toBe(before);
  });

  it('is nobody when another key id, an unknown key or another purpose signed it', async () => {
    const bits = value.split('.')[0]!;
    const ours = keys.parse(KEYS.voter);
    const theirs = keys.parse(`v1:${'0123456789abcdef'.repeat(4)}`);
    const signatures = [
      ...['ballot', 'receipt', 'Voter', '', 'voter\0'].map((purpose) =>
        createKeyring(ours, purpose).sign(bits),
      ),
      createKeyring(theirs, 'voter').sign(bits),
      createKeyring(keys.parse(KEYS.receipt), 'voter').sign(bits),
      createKeyring(ours, 'voter').sign(bits).replace('v1.', 'v2.'),
      createKeyring(ours, 'voter').sign(bits).replace('v1.', '__proto__.'),
      createKeyring(ours, 'voter').sign('A'.repeat(22)),
    ];
    for (const signature of signatures) expect(await castWith(`hbf_voter=${bits}.${signature}`)).toBe(401);
    expect(await castWith(`hbf_voter=${bits}.${createKeyring(ours, 'voter').sign(bits)}`)).toBe(202);
  });

  it('is compared in a time that tells nothing of how much of it is right', () => {
    // Differences of nanoseconds cannot be measured here in a way that would surely be noticed; the code can be read.
    const source = readFileSync(new URL('../packages/service-kit/src/keyring.ts', import.meta.url), 'utf8');
    expect(source).toContain('return timingSafeEqual(given, mac(key, message));');
    expect(source).not.toMatch(/mac\([^)]*\)[^;]*===|===[^;]*mac\(/);
  });
});

describe('a cookie in the place of another', () => {
  it("a receipt, another poll's ballot cookie or a ballot cookie's signature is no voter cookie", async () => {
    const receipt = await voter.castAccepted('other');
    const page = await ask(vote.url!, {
      method: 'POST',
      target: '/p/other',
      headers: [
        ['Content-Type', 'application/x-www-form-urlencoded'],
        ['Cookie', cookie],
      ],
      body: 'vote=a',
    });
    const own = cookiesIn(page).find((pair) => pair.startsWith('hbf_ballot_other='))!;
    const stolen = decodeURIComponent(own.slice('hbf_ballot_other='.length));
    const bits = value.split('.')[0];
    for (const text of [receipt, stolen, stolen.split('~').at(-1)!, `${bits}.${stolen.split('~').at(-1)}`]) {
      expect(await castWith(`hbf_voter=${text}`)).toBe(401);
    }
  });

  it("another poll's, another voter's or a forged ballot cookie shows no choice and no receipt", async () => {
    const form = (poll: string, cookies: string) =>
      ask(vote.url!, {
        method: 'POST',
        target: `/p/${poll}`,
        headers: [
          ['Content-Type', 'application/x-www-form-urlencoded'],
          ['Cookie', cookies],
        ],
        body: 'vote=b',
      });
    const own = cookiesIn(await form('other', cookie)).find((pair) => pair.startsWith('hbf_ballot_'))!;
    const show = async (poll: string, cookies: string) =>
      (await ask(vote.url!, { target: `/p/${poll}`, headers: [['Cookie', cookies]] })).body;
    expect(await show('other', `${cookie}; ${own}`)).toContain('Your ballot was accepted');

    const renamed = own.replace('hbf_ballot_other', 'hbf_ballot_browser');
    const stranger = (await newVoter()).cookie;
    const otherChoice = own.replace('=b', '=a');
    for (const page of [
      await show('browser', `${cookie}; ${renamed}`),
      await show('other', `${stranger}; ${own}`),
      await show('other', `${cookie}; ${otherChoice}`),
      await show('other', own),
    ]) {
      expect(page).not.toContain('Your ballot was accepted');
      expect(page).not.toContain('checked');
    }
  });
});

describe('a ballot cookie of any kind', () => {
  it('shows a choice and a receipt where it is one that this voter was given, and else nothing', async () => {
    const given = await ask(vote.url!, {
      method: 'POST',
      target: '/p/other',
      headers: [
        ['Content-Type', 'application/x-www-form-urlencoded'],
        ['Cookie', cookie],
      ],
      body: 'vote=b',
    });
    const own = cookiesIn(given)
      .find((pair) => pair.startsWith('hbf_ballot_other='))!
      .slice('hbf_ballot_other='.length);
    const [choices, receipt, signature] = own.split('~') as [string, string, string];
    const at = fc.nat(own.length - 1);
    const printable = fc.string({ unit: 'grapheme-ascii', maxLength: 60 });
    const part = (real: string) =>
      fc.oneof(fc.constant(real), fc.constantFrom('', 'a', '__proto__'), printable);
    const text = fc.oneof(
      fc.tuple(at, fc.nat(6)).map(([where, bit]) => {
        const changed = Buffer.from(own, 'latin1');
        changed[where]! ^= 1 << bit;
        return changed.toString('latin1');
      }),
      at.map((end) => own.slice(0, end)),
      fc.tuple(at, printable).map(([where, more]) => own.slice(0, where) + more + own.slice(where)),
      fc.tuple(part(choices), part(receipt), part(signature)).map((parts) => parts.join('~')),
      fc
        .array(fc.constantFrom(choices, receipt, signature, '~', '.', '%'), { maxLength: 8 })
        .map((parts) => parts.join('')),
      fc.constantFrom(own, `${own}~`, `~${own}`, `"${own}"`, encodeURIComponent(own), `${own}%00`, `${own}%`),
      printable,
    );
    const name = fc.constantFrom(
      'hbf_ballot_other',
      'hbf_ballot_other',
      'hbf_ballot_browser',
      'hbf_ballot_',
      'hbf_ballot___proto__',
      '__Host-hbf_ballot_other',
    );
    await fc.assert(
      fc.asyncProperty(name, text, async (called, sent) => {
        // What ends a cookie, and white space around it, is none of it.
        fc.pre(/^[\x21-\x3a\x3c-\x7e]*$/.test(sent));
        const { status, body } = await ask(vote.url!, {
          target: '/p/other',
          headers: [['Cookie', `${cookie}; ${called}=${sent}`]],
        });
        expect(status).toBe(200);
        const isOwn = called === 'hbf_ballot_other' && decoded(sent) === own;
        expect(body.includes('Your ballot was accepted'), sent).toBe(isOwn);
        expect(body.includes('aria-current="true"'), sent).toBe(isOwn);
        if (!isOwn) expect(body).not.toContain(receipt);
      }),
    );
  });

  /** The value of a cookie as it is read. */
  function decoded(sent: string): string {
    try {
      return decodeURIComponent(sent);
    } catch {
      return sent;
    }
  }
});

describe('several cookies', () => {
  it('one that we signed is found among forged ones of the same name, and two voters are never both counted', async () => {
    const [one, two] = [await newVoter(), await newVoter()];
    const before = await counted();
    expect(await castWith(`hbf_voter=x; ${one.cookie}; hbf_voter=y`)).toBe(202);
    expect(await counted()).toBe(before + 1);
    // Over plain http a cookie that a neighbour set cannot be told from ours (docs/security.md): the first one counts.
    expect(await castWith(`${one.cookie}; ${two.cookie}`)).toBe(202);
    expect(await counted()).toBe(before + 1);
  });

  it('a hundred of them, huge ones, and names that are objects by birth do no harm', async () => {
    const junk = Array.from({ length: 100 }, (_, i) => `hbf_voter=${i}`).join('; ');
    expect(await castWith(`${junk}; ${cookie}`)).toBe(202);
    expect(await castWith(`hbf_voter=${'x'.repeat(15_000)}`)).toBe(401);
    expect(await castWith(`hbf_voter=${'x'.repeat(20_000)}`)).toBe(431);
    expect(await castWith(`__proto__=1; constructor=2; hasOwnProperty=3; ;;; =; ${cookie}`)).toBe(202);
    expect(await castWith(`hbf_voter=%; hbf_voter=%E0%A4%A; hbf_voter; ${cookie}`)).toBe(202);
  });
});

describe('over https', () => {
  const origin = 'https://vote.example.org';

  it('the cookie is tied to the host, and one that a sibling domain could have set is nobody', async () => {
    await withReplica('vote', { PUBLIC_VOTE_URL: origin }, async ({ url }) => {
      const [given] = setCookies(await ask(url, { target: '/p/other' }));
      expect(given).toMatch(
        /^__Host-hbf_voter=[^;]+; Max-Age=\d+; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/,
      );
      const secure = given!.split(';')[0]!;
      const cast = (cookies: string) => ask(url, ballot('other', cookies, A));
      expect((await cast(secure)).status).toBe(202);
      for (const tossed of [
        cookie,
        secure.replace('__Host-', ''),
        secure.replace('__Host-', '__Secure-'),
        secure.replace('__Host-', '__host-'),
        secure.replace('__Host-', ' __Host- '),
      ]) {
        expect(problemOf(await cast(tossed)), tossed).toBe('no-voter');
      }
      // Beside it, whatever the order.
      const before = await counted();
      expect((await cast(`${cookie}; ${secure}`)).status).toBe(202);
      expect(await counted()).toBe(before);
    });
  });
});

describe('a request that was accepted', () => {
  it('and is replayed, at once and many times, counts once', async () => {
    const replayed = await newVoter();
    const before = await counted();
    const bytes = rawRequest(vote.url!, { ...ballot('other', replayed.cookie, A), keepAlive: true });
    const connections = await Promise.all(Array.from({ length: 10 }, () => openRaw(vote.url!)));
    for (const connection of connections) connection.send(bytes.repeat(10));
    for (const connection of connections) {
      for (const response of await connection.untilResponses(10)) {
        expectDocumented(response);
        expect([202, 503]).toContain(response.status);
      }
      connection.socket.destroy();
    }
    expect((await ask(vote.url!, ballot('other', replayed.cookie, A))).status).toBe(202);
    expect(await counted()).toBe(before + 1);
  });

  it('in an open poll counts once for its key', async () => {
    const before = (await countBallots('hands')).a ?? 0;
    const cast = (key: string | undefined) => {
      const request = ballot('hands', undefined, A);
      if (key === undefined) return ask(vote.url!, request);
      return ask(vote.url!, { ...request, headers: [...request.headers, ['Idempotency-Key', key] as const] });
    };
    const key = `replayed ${Date.now()}`;
    for (const response of await Promise.all(Array.from({ length: 20 }, () => cast(key)))) {
      expect(response.status).toBe(202);
    }
    expect((await countBallots('hands')).a).toBe(before + 1);
  });
});

describe('keys that rotate', () => {
  const fresh = `v2:${'fedcba9876543210'.repeat(4)}`;

  it('leave every voter the same voter while the old key verifies, and sign the cookie anew', async () => {
    const old = await newVoter();
    await untilCounted(await old.castAccepted('other'));
    const before = await counted();
    await withReplica('vote', { VOTER_KEYS: `${fresh},${KEYS.voter}` }, async ({ url }) => {
      expect((await ask(url, ballot('other', old.cookie, A))).status).toBe(202);
      const again = cookiesIn(await ask(url, { target: '/p/other', headers: [['Cookie', old.cookie]] }))[0]!;
      expect(again).toMatch(/^hbf_voter=[^.]+\.v2\./);
      expect(again.split('.')[0]).toBe(old.cookie.split('.')[0]);
      expect((await ask(url, ballot('other', again, A))).status).toBe(202);
    });
    expect(await counted()).toBe(before);
  });

  it('make old cookies nobody, and nothing else, once the old key is gone', async () => {
    const form = await ask(vote.url!, {
      method: 'POST',
      target: '/p/other',
      headers: [
        ['Content-Type', 'application/x-www-form-urlencoded'],
        ['Cookie', cookie],
      ],
      body: 'vote=a',
    });
    const all = [cookie, ...cookiesIn(form)].join('; ');
    await withReplica('vote', { VOTER_KEYS: fresh }, async ({ url }) => {
      expect(problemOf(await ask(url, ballot('other', all, A)))).toBe('no-voter');
      const page = await ask(url, { target: '/p/other', headers: [['Cookie', all]] });
      expect(page.status).toBe(200);
      expect(page.body).not.toContain('Your ballot was accepted');
      const [next] = cookiesIn(page);
      expect(next).toMatch(/\.v2\./);
      expect((await ask(url, ballot('other', next, A))).status).toBe(202);
    });
  });
});
