import { until } from '@hbf/drills/until';
import { findChromium } from '@hbf/local-services/find-chromium';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, describe, expect, it } from 'vitest';
import { ask } from './support/raw-http.ts';
import { FULL } from './support/seed.ts';
import { pollsWith, result, system, vote } from './support/system.ts';
import { newVoter, untilCounted } from './support/voter.ts';
import { watchOver } from './support/watch-over.ts';

watchOver();

/** What a host, or who writes the host's polls.yaml, may put into a question or a label. */
const EVIL = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)' x='",
  '</title></textarea></style><svg onload=alert(1)>',
  '<%= process.env.VOTER_KEYS %><% alert(1) %>',
  '{{constructor.constructor("alert(1)")()}} $' + '{alert(1)} #{7*7}',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  'javascript:alert(1)//',
  '<!--<base href=//evil.example/>--><meta http-equiv=refresh content=0;url=//evil.example>',
  '&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;',
  ']]></svg><a href="javascript:alert(1)">x</a>',
  '\\u003cscript\\u003ealert(1)',
];
const poll = {
  key: 'evil',
  question: EVIL.slice(0, 4).join(' '),
  options: Object.fromEntries(EVIL.map((label, index) => [`o${index}`, label])),
};

const applied = await system.applyPolls(pollsWith([poll]));
if (applied.code !== 0) throw new Error(applied.output);

const executablePath = process.env.HBF_NO_BROWSER === '1' ? undefined : findChromium();

/** The page of the poll. */
const pageOf = async (url: string) => (await ask(url, { target: '/p/evil' })).body;

for (const { url } of [vote, result]) {
  await until('the poll is known', async () => (await ask(url!, { target: '/p/evil' })).status === 200);
}

describe('a poll whose labels are code', () => {
  it.each([
    ['vote', vote],
    ['result', result],
  ] as const)(
    'is text on the page of %s: no tag and no attribute comes of it, and no template',
    async (_name, { url }) => {
      const html = await pageOf(url!);
      expect(html).not.toMatch(
        /<(img|iframe|base|textarea)|<script>|<svg onload|srcdoc="|onerror=alert\(1\)>/i,
      );
      // Within a quoted value it is text, as in the preview of a link.
      expect(html.replace(/"[^"]*"/g, '""')).not.toMatch(/<[^>]*\son\w+\s*=/i);
      expect(html).not.toContain(process.env.VOTER_KEYS ?? 'v1:');
      expect(html.match(/<title>/g)).toHaveLength(1);
      expect(html).toContain('&lt;%= process.env.VOTER_KEYS %&gt;');
    },
  );

  it('comes through the API to the letter, and is voted for and counted like another', async () => {
    const told = JSON.parse((await ask(vote.url!, { target: '/api/polls/evil' })).body) as {
      options: { label: string }[];
    };
    expect(told.options.map(({ label }) => label)).toEqual(EVIL);
    await untilCounted(await (await newVoter()).castAccepted('evil', ['o4']));
    const tally = JSON.parse(
      (await ask(result.url!, { target: '/api/polls/evil/tally' })).body,
    ) as typeof told;
    expect(tally.options.map(({ label }) => label)).toEqual(EVIL);
  });

  it.skipIf(executablePath === undefined)(
    'runs nothing in a browser, on either page, before and after a ballot',
    async () => {
      const browser: Browser = await chromium.launch({
        executablePath: executablePath!,
        args: ['--no-sandbox'],
      });
      afterAll(() => browser.close());
      const page = await (await browser.newContext()).newPage();
      const happened: string[] = [];
      page.on('dialog', (dialog) => {
        happened.push(`dialog ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on('console', (message) => {
        if (message.type() === 'error') happened.push(message.text());
      });
      page.on('request', (request) => {
        if (!request.url().startsWith('http://127.0.0.1:') && !request.url().startsWith('data:'))
          happened.push(request.url());
      });
      await page.goto(`${vote.url}/p/evil`);
      for (const label of EVIL)
        expect(await page.getByText(label, { exact: true }).count()).toBeGreaterThan(0);
      await page.locator('.choice').first().click();
      await page.getByText('Your ballot was accepted').waitFor();
      await page.getByText(`You chose ${EVIL[0]}`).waitFor();
      await page.goto(`${result.url}/p/evil`);
      await page.getByText('Live').first().waitFor();
      for (const label of EVIL)
        expect(await page.locator('.label').getByText(label, { exact: true }).count()).toBe(1);
      expect(happened).toEqual([]);
    },
  );
});

const BAD_KEYS = ['../etc', '__proto__', 'a b', 'A', 'ä', "x'--", 'x%00', ''];

describe('a polls.yaml', () => {
  it.each([
    ['a NUL', 'a\0b'],
    ['a new line', 'a\nb'],
    ['an escape of a terminal', '\x1b[31mred'],
    ['an override of the direction', 'Cats\u202egod'],
    ['an isolate of the direction', 'Cats\u2066x'],
    ['a control character of C1', 'a\u009bb'],
    ['nothing but blanks', '   '],
    ['more than a label can be', 'x'.repeat(301)],
  ])('with %s in a label is refused, says where, and the polls stay as they were', async (_name, label) => {
    const { code, output } = await system.applyPolls(
      pollsWith([{ key: 'worse', question: label, options: { a: 'A', b: label } }]),
    );
    expect(code).not.toBe(0);
    expect(output).toMatch(/question|label|option/);
    expect(output).not.toContain('\x1b');
    expect((await ask(vote.url!, { target: '/api/polls/worse' })).status).toBe(404);
  });

  it.each(FULL ? BAD_KEYS : BAD_KEYS.slice(0, 2))('with %j as a key is refused', async (key) => {
    const text = `{"polls":[{"key":"worse","question":"?","options":{${JSON.stringify(key)}:"A","b":"B"}}]}`;
    expect((await system.applyPolls(text)).code).not.toBe(0);
    const other = `{"polls":[{"key":${JSON.stringify(key)},"question":"?","options":{"a":"A","b":"B"}}]}`;
    expect((await system.applyPolls(other)).code).not.toBe(0);
  });
});
