import { describe, expect, it } from 'vitest';
import { ask, rawRequest, talk } from './support/raw-http.ts';
import { result, vote } from './support/system.ts';
import { ballot, cookiesIn, newVoter } from './support/voter.ts';
import { watchOver } from './support/watch-over.ts';

// Among what it looks at: every line is one JSON object.
watchOver();

const SERVICES = [
  ['vote', vote],
  ['result', result],
] as const;

/** What a log line must not become: more lines, another line's colours, another object, or long. */
const INJECTIONS = [
  '%0d%0a{"level":"fatal","msg":"forged"}',
  '%0a[forged]',
  '%1b[2J%1b[31mforged',
  '"},"forged":"x',
  '%e2%80%a8forged',
  '%24%7Bjndi:ldap://forged%7D',
  'forged'.repeat(2_000),
];

/** What each line of the log of requests may hold. */
const FIELDS = ['level', 'time', 'service', 'requestId', 'method', 'route', 'status', 'ms', 'aborted', 'msg'];

/** The lines that a service writes while `work` runs, all of them: a last request is waited for. */
async function linesOf(service: typeof vote, work: () => Promise<void>): Promise<string[]> {
  const before = service.lines.length;
  await work();
  const marker = header(await ask(service.url!, { target: '/problems/internal' }));
  await service.untilLine(marker);
  return service.lines.slice(before);
}

const header = ({ headers }: { headers: [string, string][] }) =>
  headers.find(([name]) => name === 'x-request-id')![1];

describe.each(SERVICES)('the log of %s', (_name, service) => {
  it('keeps its lines whatever stands in the address, and holds nothing of it', async () => {
    const lines = await linesOf(service, async () => {
      for (const text of INJECTIONS) {
        for (const path of [
          `/p/${text}`,
          `/api/polls/${text}/tally`,
          `/api/receipts/${text}`,
          `/${text}`,
          `/?x=${text}`,
        ]) {
          await talk(service.url!, rawRequest(service.url!, { target: path }));
        }
      }
      for (const target of ['http://forged:forged:x/', '\x1b[31mforged', '/forged\x1b[31m']) {
        await talk(service.url!, rawRequest(service.url!, { target }));
      }
    });
    expect(lines.length).toBeGreaterThan(20);
    for (const line of lines) {
      expect(line).not.toContain('forged');
      expect(line.length).toBeLessThan(500);
      expect(Object.keys(JSON.parse(line))).toSatisfy(
        (keys: string[]) => keys.every((key) => FIELDS.includes(key)),
        line,
      );
    }
  });

  it('keeps its lines whatever stands in headers, takes no request id from outside, and knows few methods and routes', async () => {
    const lines = await linesOf(service, async () => {
      for (const name of [
        'X-Request-Id',
        'User-Agent',
        'Referer',
        'Cookie',
        'Host',
        'X-Forwarded-For',
        'Authorization',
        'Accept',
        'Traceparent',
        'Origin',
      ]) {
        for (const text of INJECTIONS) {
          await talk(
            service.url!,
            rawRequest(service.url!, { target: '/p/browser', headers: [[name, text]] }),
          );
        }
        await talk(
          service.url!,
          rawRequest(service.url!, { target: '/p/browser', headers: [[name, '\x1b[31mforged\x7f\xff']] }),
        );
      }
      for (const method of ['PROPFIND', 'M-SEARCH', 'QUERY']) {
        await talk(service.url!, rawRequest(service.url!, { method, target: '/forged' }));
      }
    });
    expect(lines.length).toBeGreaterThan(20);
    const labels = new Set<string>();
    for (const line of lines) {
      expect(line).not.toContain('forged');
      const { method, route, requestId } = JSON.parse(line) as Record<string, string>;
      expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
      labels.add(`${method} ${route}`);
    }
    expect([...labels].toSorted()).toEqual(['GET /p/:poll', 'GET /problems/:name', 'other unmatched']);
    expect(await service.metrics()).not.toContain('forged');
  });
});

describe('the logs of all', () => {
  it('hold no cookie, receipt, voter, choice or address of those who vote', async () => {
    const replicas = [vote, result];
    const before = replicas.map(({ lines }) => lines.length);
    const voter = await newVoter();
    const receipt = await voter.castAccepted('other', ['b']);
    const page = await ask(vote.url!, {
      method: 'POST',
      target: '/p/other',
      headers: [
        ['Content-Type', 'application/x-www-form-urlencoded'],
        ['Cookie', voter.cookie],
      ],
      body: 'vote=a',
    });
    await ask(vote.url!, {
      target: '/p/other',
      headers: [['Cookie', [voter.cookie, ...cookiesIn(page)].join('; ')]],
    });
    const { headers } = await ask(vote.url!, { ...ballot('other', voter.cookie, '{"choices":["zebra"]}') });
    await ask(result.url!, { target: `/receipts/${receipt}` });
    const last = await ask(result.url!, { target: `/api/receipts/${receipt}` });
    await vote.untilLine(header({ headers }));
    await result.untilLine(header(last));
    const told = replicas.flatMap(({ lines }, index) => lines.slice(before[index])).join('\n');
    expect(told).toContain('/api/polls/:poll/ballots');
    const bits = voter.cookie.slice('hbf_voter='.length).split('.')[0]!;
    for (const secret of [
      bits,
      receipt,
      receipt.split('.')[0]!,
      receipt.split('.').at(-1)!,
      'zebra',
      '127.0.0.1',
      '::1',
      'choices',
      'Cookie',
    ]) {
      expect(told).not.toContain(secret);
    }
  });
});
