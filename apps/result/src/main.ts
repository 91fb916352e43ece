import { createPool } from '@hbf/ballot-store/connection';
import { findBallot } from '@hbf/ballot-store/find-ballot';
import { listenForTallies } from '@hbf/ballot-store/listen';
import { readTallies } from '@hbf/ballot-store/read-tallies';
import { readTurnoutPoints } from '@hbf/ballot-store/read-turnout-points';
import { RECEIPT_PURPOSE } from '@hbf/receipt/receipt';
import { createReadiness } from '@hbf/service-kit/health';
import { closeServer, createHttpServer, drainServer, listen } from '@hbf/service-kit/http-server';
import { createInternalApp } from '@hbf/service-kit/internal-app';
import { createKeyring } from '@hbf/service-kit/keyring';
import { runService } from '@hbf/service-kit/lifecycle';
import { createLogger } from '@hbf/service-kit/logger';
import { createApp } from './app.ts';
import { type Config, readConfig } from './config.ts';
import { openGateway } from './gateway.ts';
import { createMetrics } from './metrics.ts';
import { createReceiptDesk } from './receipt-desk.ts';
import { createTallyFeed } from './tally-feed.ts';
import { createTurnoutHistory } from './turnout-history.ts';

// A read that takes longer than this tells nothing new of a system whose heartbeats come every second.
const READ_TIMEOUT_MS = 1_000;
// A receipt is looked up by primary keys; the answer "unavailable" has to be given within 200 ms.
const LOOK_UP_TIMEOUT_MS = 130;
// With the feed, its listener and the turnout points that is all that the role may hold: see infra/postgres/roles.sh.
const LOOK_UPS_AT_ONCE = 7;
// Longer than anybody waits for an answer: on a busy machine no connection would ever be made in so short a time.
const CONNECT_TIMEOUT_MS = 1_000;

let config: Config;

runService(
  () => {
    config = readConfig(process.env);
    return createLogger('result', config.LOG_LEVEL);
  },
  async (log, resources) => {
    const metrics = createMetrics();
    const readiness = createReadiness();

    const internal = createHttpServer(createInternalApp(metrics.registry, readiness));
    await listen(internal, config.METRICS_PORT, config.METRICS_HOST);
    resources.add('the internal port', () => closeServer(internal));

    // Three pools: neither a crowd that looks receipts up nor a read of all turnout points may keep the feed from reading.
    const readPool = createPool(config.DATABASE_URL, 'hbf-result-feed', {
      max: 1,
      timeoutMs: READ_TIMEOUT_MS,
    });
    resources.add('the connection of the feed', () => readPool.end());
    const turnoutPool = createPool(config.DATABASE_URL, 'hbf-result-turnout', {
      max: 1,
      timeoutMs: READ_TIMEOUT_MS,
    });
    resources.add('the connection for turnout points', () => turnoutPool.end());
    const lookUpPool = createPool(config.DATABASE_URL, 'hbf-result-receipts', {
      max: LOOK_UPS_AT_ONCE,
      timeoutMs: LOOK_UP_TIMEOUT_MS,
      connectWithinMs: CONNECT_TIMEOUT_MS,
    });
    // The first voter who asks finds a connection. Where the store is away, the next look-up makes one.
    lookUpPool.query('SELECT 1').catch(() => {});
    resources.add('the connections for receipts', () => lookUpPool.end());

    const feed = createTallyFeed({ read: () => readTallies(readPool), log });
    feed.onRead(readiness.markReady);
    const turnout = createTurnoutHistory({ feed, read: (most) => readTurnoutPoints(turnoutPool, most), log });
    const stopListening = listenForTallies(config.DATABASE_URL, feed.hint, (state) => {
      if (state.connected) log.debug('hearing of changed tallies');
      else log.debug({ err: state.error }, 'not hearing of changed tallies: reading every second meanwhile');
    });
    resources.add('the listener', stopListening);
    resources.add('the feed', feed.stop);

    const receipts = createReceiptDesk({
      keyring: createKeyring(config.RECEIPT_KEYS, RECEIPT_PURPOSE),
      find: (receipt) => findBallot(lookUpPool, receipt),
      log,
    });
    const app = createApp({ feed, turnout, receipts, log, metrics, config });
    const gateway = openGateway(app, { feed, metrics, config, log });
    const { server } = gateway;
    const port = await listen(server, config.PORT);
    resources.add('the public port', async () => {
      await drainServer(server);
      // In one turn: the port must be closed before clients whose sockets ended try to connect again.
      const closed = closeServer(server);
      await gateway.close();
      await closed;
    });
    resources.add('readiness', readiness.markDraining);
    feed.start();
    log.info({ port }, 'result listens');
  },
);
