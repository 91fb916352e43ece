import { randomInt } from 'node:crypto';
import { ConfigurationError } from '@hbf/service-kit/environment';
import { createReadiness } from '@hbf/service-kit/health';
import { createHttpServer, listen } from '@hbf/service-kit/http-server';
import { createInternalApp } from '@hbf/service-kit/internal-app';
import type { Registry } from 'prom-client';
import { browse } from './browse/browse.ts';
import { createBrowseMetrics } from './browse/metrics.ts';
import { parseCommandLine, USAGE, UsageError } from './command-line.ts';
import { type Config, readConfig } from './config.ts';
import { findCapacity } from './load/capacity.ts';
import { load } from './load/load.ts';
import { createCrowdMetrics } from './load/metrics.ts';
import { createProgress } from './progress.ts';
import { seed } from './seed.ts';
import { ServiceError } from './services.ts';

const EXIT_CODES = { good: 0, bad: 1, invalid: 3 };

const stop = new AbortController();
let stopCode: number | undefined;
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    // Asked a second time: whoever asks does not want to wait for answers in flight.
    if (stopCode !== undefined) process.exit(code);
    stopCode = code;
    stop.abort();
  });
}

process.exitCode = await run(process.argv.slice(2));
if (stopCode !== undefined) process.exitCode = stopCode;
// Connections that are kept open would keep the process for some seconds more.
process.exit();

async function run(args: string[]): Promise<number> {
  const progress = createProgress(process.stdout);
  try {
    const command = parseCommandLine(args, () => randomInt(2 ** 32).toString(16));
    if (command.name === 'help') {
      process.stdout.write(USAGE);
      return 0;
    }
    const context = { ...readConfig(process.env), progress, signal: stop.signal };
    return await carryOut(command, context);
  } catch (error) {
    progress.clear();
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\n${USAGE}`);
      return 2;
    }
    if (!(error instanceof ServiceError || error instanceof ConfigurationError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

/** @returns the exit code; what is not as it should be, it has printed. */
async function carryOut(
  command: Exclude<ReturnType<typeof parseCommandLine>, { name: 'help' }>,
  context: Config & { progress: ReturnType<typeof createProgress>; signal: AbortSignal },
): Promise<number> {
  switch (command.name) {
    case 'seed':
      return (await seed(command.options, context)) ? 0 : 1;
    case 'load': {
      const metrics = createCrowdMetrics();
      await publish(metrics.registry, context);
      return EXIT_CODES[await load(command.options, { ...context, metrics })];
    }
    case 'capacity': {
      const metrics = createCrowdMetrics();
      await publish(metrics.registry, context);
      return (await findCapacity(command.options, { ...context, metrics })) ? 0 : 1;
    }
    case 'browse': {
      const metrics = createBrowseMetrics();
      await publish(metrics.registry, context);
      return (await browse(command.options, { ...context, metrics })) ? 0 : 1;
    }
  }
}

async function publish(registry: Registry, { metricsPort, metricsHost }: Config): Promise<void> {
  const readiness = createReadiness();
  readiness.markReady();
  const server = createHttpServer(createInternalApp(registry, readiness));
  await listen(server, metricsPort, metricsHost).catch((error: Error) => {
    throw new ServiceError(`${error.message} (METRICS_PORT)`);
  });
}
