import { connectRedis } from '@hbf/ballot-stream/connection';
import { createReadiness } from '@hbf/service-kit/health';
import { closeServer, createHttpServer, listen } from '@hbf/service-kit/http-server';
import { createInternalApp } from '@hbf/service-kit/internal-app';
import { failConfiguration, runService } from '@hbf/service-kit/lifecycle';
import { createLogger } from '@hbf/service-kit/logger';
import { runAcknowledgeLoss, runRecount } from './audit.ts';
import { readDatabaseConfig, readMigrateConfig, readStoresConfig, readWorkerConfig } from './config.ts';
import { createFailpoint } from './failpoint.ts';
import { createWorkerMetrics } from './metrics.ts';
import { migrate } from './migrate.ts';
import { startWorker } from './worker.ts';

const USAGE = `Usage:
  main.js                    carry ballots from Redis to PostgreSQL until SIGTERM
  main.js migrate            prepare the database, apply the polls file, exit
                             (2: the polls file was refused and the earlier polls stay in force)
  main.js recount            count all ballots again, compare with the tallies, exit (1: they differ)
  main.js acknowledge-loss   count what is missing as lost, after an operator has looked, exit; an empty
                             Redis is made known as this system's again
`;

const say = (line: string) => process.stdout.write(`${line}\n`);
const complain = (line: string) => process.stderr.write(`${line}\n`);

async function runCommand(command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command();
  } catch (error) {
    complain((error as Error).message || String(error));
    process.exitCode = 1;
  }
}

function configured<T>(read: (env: NodeJS.ProcessEnv) => T): T {
  try {
    return read(process.env);
  } catch (error) {
    return failConfiguration(error);
  }
}

switch (process.argv[2]) {
  case undefined:
    runWorker();
    break;
  case 'migrate': {
    const config = configured(readMigrateConfig);
    await runCommand(() => migrate(config, say, complain));
    break;
  }
  case 'recount': {
    const config = configured(readDatabaseConfig);
    await runCommand(() => runRecount(config.DATABASE_URL, say));
    break;
  }
  case 'acknowledge-loss': {
    const config = configured(readStoresConfig);
    await runCommand(() => runAcknowledgeLoss(config, say));
    break;
  }
  default:
    complain(USAGE);
    process.exitCode = 2;
}

function runWorker(): void {
  const config = configured(readWorkerConfig);
  runService(
    () => createLogger('worker', config.logLevel),
    async (log, resources, stop) => {
      const metrics = createWorkerMetrics();
      const readiness = createReadiness();
      const internal = createHttpServer(createInternalApp(metrics.registry, readiness));
      await listen(internal, config.metricsPort, config.metricsHost);
      resources.add('internal server', () => {
        internal.closeAllConnections();
        return closeServer(internal);
      });

      let away = false;
      const redis = connectRedis(config.redisUrl, (error) => {
        if (!away) log.warn({ err: error }, 'Redis is away');
        away = true;
      });
      redis.on('ready', () => {
        if (away) log.info('Redis is back');
        away = false;
      });
      resources.add('Redis', () => redis.disconnect());

      const worker = startWorker({
        ...config,
        redis,
        metrics,
        reach: createFailpoint(config.failpoint),
        log,
        fail: stop,
      });
      resources.add('worker', () => worker.close());
      resources.add('readiness', () => readiness.markDraining());
      void worker.ready.then(() => readiness.markReady());
      log.info({ metricsPort: config.metricsPort }, 'the worker runs');
    },
  );
}
