/**
 * Where Alertmanager's alerts go: each is a line of this service's log, and what came is handed on, as it is, to
 * ALERT_WEBHOOK_URL, if that is set. Only when that has taken it does Alertmanager hear that it arrived; otherwise it
 * tries again, and counts the failure.
 *
 * What comes to the path /watchdog, every minute for as long as all is well, goes to WATCHDOG_WEBHOOK_URL alone, without a
 * line: to somebody who raises the alarm when it stays away. People at the other webhook would be told it for ever.
 *
 * Alertmanager could call the webhook itself, but reads no variable, and would not say at its start that nobody is there.
 * The URL's path is never written: with many services it is the secret.
 */
import { createServer } from 'node:http';
import { connect } from 'node:net';

const { PORT = '9094' } = process.env;
const LARGEST_BODY = 4 * 1024 * 1024;
const PATIENCE_MS = 5_000;

const say = (line) => console.log(line.replace(/[\r\n]+/g, ' '));

/** @returns undefined where the variable is empty. */
function webhookOf(variable, otherwise) {
  const text = process.env[variable] ?? '';
  if (text === '') return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return { variable, url };
  console.error(
    `${variable} is no URL that starts with http:// or https://. Mend it, or leave it empty: ${otherwise}.`,
  );
  process.exit(1);
}
const webhook = webhookOf('ALERT_WEBHOOK_URL', 'alerts are then only logged here');
const watchdog = webhookOf('WATCHDOG_WEBHOOK_URL', 'nobody is then told that alerts would arrive');

/** Says at the start whether somebody is there; that it is so then says nothing of later. */
function tryWebhook({ variable, url: { origin, protocol, hostname, port } }, what) {
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (protocol === 'https:' ? 443 : 80),
    timeout: PATIENCE_MS,
  });
  const end = (line) => {
    socket.destroy();
    say(line);
  };
  socket.once('connect', () => end(`${what} handed on to ${origin}, where somebody answers.`));
  socket.once('timeout', () => socket.destroy(new Error('no answer')));
  socket.once('error', (error) =>
    end(
      `${variable} cannot be reached: ${origin} (${error.code ?? error.message}). ` +
        `${what} tried again until it arrives.`,
    ),
  );
}

/** One line for each alert, as in `FIRING page VoteIsGone: …`. */
function write({ alerts }) {
  for (const { status, labels = {}, annotations = {} } of alerts) {
    const { alertname = 'an alert without a name', severity = 'of no severity' } = labels;
    const words = [annotations.summary, annotations.description].filter(Boolean).join('. ');
    const runbook = annotations.runbook_url ? ` [${annotations.runbook_url}]` : '';
    say(`${String(status).toUpperCase()} ${severity} ${alertname}: ${words}${runbook}`);
  }
}

async function handOn({ url }, body) {
  try {
    const { ok, status } = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return ok ? undefined : `status ${status}`;
  } catch (error) {
    return error.cause?.code ?? error.name;
  }
}

async function take(req) {
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size > LARGEST_BODY) return 413;
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks).toString('utf8');
  const isWatchdog = req.url === '/watchdog';
  try {
    const alerts = JSON.parse(body);
    if (!isWatchdog) write(alerts);
  } catch {
    return 400;
  }
  const target = isWatchdog ? watchdog : webhook;
  const failure = target && (await handOn(target, body));
  if (failure === undefined) return 200;
  say(`${target.variable} did not take this: ${target.url.origin} (${failure}). It will be tried again.`);
  return 502;
}

const server = createServer(async (req, res) => {
  const status = req.method === 'POST' ? await take(req).catch(() => 400) : 200;
  res.writeHead(status).end();
});
server.listen(Number(PORT), () => {
  if (watchdog) tryWebhook(watchdog, 'Watchdog is');
  if (webhook) tryWebhook(webhook, 'Each alert is logged here and');
  else say('Alerts are only logged here: ALERT_WEBHOOK_URL is not set.');
});
process.once('SIGTERM', () => process.exit(0));
