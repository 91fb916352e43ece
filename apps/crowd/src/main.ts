import { ConfigurationError } from '@hbf/service-kit/environment';
import { parseCommandLine, USAGE, UsageError } from './command-line.ts';
import { readConfig } from './config.ts';
import { createProgress } from './progress.ts';
import { seed } from './seed.ts';
import { ServiceError } from './services.ts';

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
    const command = parseCommandLine(args);
    if (command.name === 'help') {
      process.stdout.write(USAGE);
      return 0;
    }
    const context = { ...readConfig(process.env), progress, signal: stop.signal };
    return (await seed(command.options, context)) ? 0 : 1;
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
