import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { until } from '@hbf/drills/until';
import { freePort } from '@hbf/local-services/free-port';
import { makeTestDirectory } from '@hbf/local-services/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { check, programs } from './programs.ts';

const CONFIG = 'infra/alertmanager/alertmanager.yaml';
const ends: (() => unknown)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A program whose output is kept. */
function start(command: string, args: string[], env: Record<string, string> = {}) {
  const child: ChildProcess = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
  const seen = { output: '' };
  for (const stream of [child.stdout, child.stderr])
    stream!.setEncoding('utf8').on('data', (text) => {
      seen.output += text;
    });
  ends.push(() => child.kill('SIGKILL'));
  return { seen, exit: new Promise<number | null>((resolve) => child.once('exit', resolve)) };
}

async function startAlertLog(webhook: string, watchdog = '') {
  const port = await freePort();
  const env = { PORT: String(port), ALERT_WEBHOOK_URL: webhook, WATCHDOG_WEBHOOK_URL: watchdog };
  return {
    port,
    url: `http://127.0.0.1:${port}/`,
    ...start(process.execPath, ['infra/alertmanager/alert-log.mjs'], env),
  };
}

/** A webhook that takes what comes once it may. */
async function startWebhook() {
  const state = { takes: true, bodies: [] as string[] };
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    if (state.takes) state.bodies.push(body);
    res.writeHead(state.takes ? 200 : 503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-path` };
}

const untilSaid = (seen: { output: string }, words: RegExp) =>
  until(
    () => `it says ${words}: ${seen.output}`,
    () => words.test(seen.output),
  );

const ALERT = {
  labels: { alertname: 'VoteIsGone', severity: 'page' },
  annotations: {
    summary: 'No replica of vote answers',
    description: 'Nobody can vote:\n0 replicas answer.',
    runbook_url: 'docs/runbook.md#a-service-is-gone',
  },
};
const post = (url: string, body: unknown) => fetch(url, { method: 'POST', body: JSON.stringify(body) });

describe('the receiver that logs', () => {
  it('writes each alert as one line, and says that it tells nobody else', async () => {
    const { seen, url } = await startAlertLog('');
    await untilSaid(seen, /only logged here: ALERT_WEBHOOK_URL is not set/);
    expect((await post(url, { alerts: [{ status: 'firing', ...ALERT }] })).status).toBe(200);
    await untilSaid(
      seen,
      /^FIRING page VoteIsGone: No replica of vote answers\. Nobody can vote: 0 replicas answer\. \[docs.runbook\.md#a-service-is-gone\]$/m,
    );
    expect((await fetch(url, { method: 'POST', body: 'nonsense' })).status).toBe(400);
  });

  it('names a webhook that cannot be reached, at its start and whenever it fails, and never its path', async () => {
    const { seen, url } = await startAlertLog('http://127.0.0.1:9/secret-path');
    await untilSaid(seen, /ALERT_WEBHOOK_URL cannot be reached: http:\/\/127\.0\.0\.1:9 \(ECONNREFUSED\)/);
    expect((await post(url, { alerts: [] })).status).toBe(502);
    await untilSaid(seen, /did not take this: http:\/\/127\.0\.0\.1:9 .* tried again/);
    expect(seen.output).not.toContain('secret-path');
  });

  it('does not start with a webhook that is no URL', async () => {
    const { seen, exit } = await startAlertLog('hooks.example.org');
    expect(await exit).toBe(1);
    expect(seen.output).toMatch(/ALERT_WEBHOOK_URL is no URL/);
    const other = await startAlertLog('', 'hooks.example.org');
    expect(await other.exit).toBe(1);
    expect(other.seen.output).toMatch(/WATCHDOG_WEBHOOK_URL is no URL/);
  });
});

describe('Alertmanager', () => {
  it('repeats Watchdog at every look at its group: what was sent at the last one is old enough', () => {
    const { route } = parse(readFileSync(CONFIG, 'utf8')) as { route: { routes: Record<string, string>[] } };
    const [watchdog] = route.routes;
    const seconds = (time = '') => Number.parseInt(time, 10) * (time.endsWith('m') ? 60 : 1);
    expect(seconds(watchdog?.group_interval)).toBe(60);
    expect(seconds(watchdog?.repeat_interval)).toBeLessThan(60);
    expect(seconds(watchdog?.repeat_interval)).toBeGreaterThan(30);
  });

  it.skipIf(!programs)('takes its configuration', () => {
    check(programs!.amtool, 'check-config', CONFIG);
  });

  it.skipIf(!programs)(
    'brings an alert to the log and to the webhook, again until it is taken, and its end too; Watchdog only to its own',
    async () => {
      const webhook = await startWebhook();
      webhook.state.takes = false;
      const watchdog = await startWebhook();
      const log = await startAlertLog(webhook.url, watchdog.url);
      await untilSaid(
        log.seen,
        /^Each alert is logged here and handed on to http:\/\/127\.0\.0\.1:\d+, where/m,
      );
      await untilSaid(
        log.seen,
        /^Watchdog is handed on to http:\/\/127\.0\.0\.1:\d+, where somebody answers/m,
      );
      const folder = makeTestDirectory('alertmanager');
      const file = join(folder, 'alertmanager.yaml');
      writeFileSync(
        file,
        readFileSync(CONFIG, 'utf8')
          .replaceAll('http://alert-log:9094/', log.url)
          .replace('group_wait: 5s', 'group_wait: 1s'),
      );
      const port = await freePort();
      const api = `http://127.0.0.1:${port}/api/v2/alerts`;
      start(programs!.alertmanager, [
        `--config.file=${file}`,
        `--storage.path=${folder}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--cluster.listen-address=',
      ]);
      const send = (alert: object) =>
        fetch(api, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify([alert]),
        });
      await until(
        'Alertmanager takes the alert',
        async () => (await send(ALERT).catch(() => undefined))?.ok === true,
      );
      await untilSaid(log.seen, /ALERT_WEBHOOK_URL did not take this: .* \(status 503\)/);
      await send({ labels: { alertname: 'Watchdog', severity: 'none' }, annotations: {} });
      await until(
        'Watchdog arrives at its own webhook',
        () =>
          watchdog.state.bodies.some((body) => JSON.parse(body).alerts[0].labels.alertname === 'Watchdog'),
        60_000,
      );
      webhook.state.takes = true;
      const arrived = (status: string) =>
        until(
          `"${status}" arrives`,
          () => webhook.state.bodies.some((body) => JSON.parse(body).alerts[0].status === status),
          60_000,
        );
      await arrived('firing');
      await send({ ...ALERT, startsAt: new Date(Date.now() - 60_000), endsAt: new Date(Date.now() - 1_000) });
      await arrived('resolved');
      await untilSaid(log.seen, /^RESOLVED page VoteIsGone/m);
      expect(log.seen.output).not.toContain('Watchdog:');
      expect([
        webhook.state.bodies.join().includes('Watchdog'),
        watchdog.state.bodies.join().includes('Vote'),
      ]).toEqual([false, false]);
    },
    120_000,
  );
});
