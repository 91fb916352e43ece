import { createProducer } from '@hbf/ballot-stream/producer';
import { createReadiness } from '@hbf/service-kit/health';
import { closeServer, createHttpServer, drainServer, listen } from '@hbf/service-kit/http-server';
import { createInternalApp } from '@hbf/service-kit/internal-app';
import { runService } from '@hbf/service-kit/lifecycle';
import { createLogger } from '@hbf/service-kit/logger';
import { createRegistry } from '@hbf/service-kit/metrics';
import { createApp } from './app.ts';
import { type Config, readConfig } from './config.ts';
import { createLimits } from './limits/limits.ts';
import { createVoteMetrics } from './metrics.ts';

let config: Config;

runService(
  () => {
    config = readConfig(process.env);
    return createLogger('vote', config.logLevel);
  },
  async (log, resources) => {
    const registry = createRegistry();
    const readiness = createReadiness();

    const producer = createProducer({ url: config.redisUrl, log });
    resources.add('the ballot stream', () => producer.close());
    // Not waited for: while Redis is away, voters must reach the page that tells them so.
    void producer.ready.then(() => readiness.markReady());

    const metrics = createVoteMetrics(registry);
    const limits = createLimits({ ...config.limits, voterKeys: config.voterKeys }, { log, metrics });
    resources.add('the limits', async () => limits.close());

    const internal = createHttpServer(createInternalApp(registry, readiness));
    resources.add('the internal server', () => closeServer(internal));
    const metricsPort = await listen(internal, config.metricsPort, config.metricsHost);

    if (config.faultDelayMs !== undefined)
      log.warn(`HBF_FAULT_DELAY_MS holds every request up for ${config.faultDelayMs} ms`);
    const app = createApp({ config, ballots: producer, limits, log, metrics });
    const server = createHttpServer(app);
    resources.add('the server', async () => {
      await drainServer(server);
      await closeServer(server);
    });
    const port = await listen(server, config.port);
    resources.add('readiness', () => readiness.markDraining());
    log.info({ port, metricsPort }, 'vote listens');
  },
);
