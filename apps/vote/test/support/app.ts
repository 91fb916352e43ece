import type { Key } from '@hbf/service-kit/keyring';
import { createLogger } from '@hbf/service-kit/logger';
import { createRegistry } from '@hbf/service-kit/metrics';
import supertest from 'supertest';
import { createApp } from '../../src/app.ts';
import type { Ballots } from '../../src/casting.ts';
import type { AppConfig } from '../../src/config.ts';
import { createLimits, type Limits, type LimitsConfig } from '../../src/limits/limits.ts';
import { createVoteMetrics } from '../../src/metrics.ts';
import { createFakeBallots, type FakeBallots } from './fake-ballots.ts';

export function makeKey(kid: string, byte: number): Key {
  return { kid, secret: Buffer.alloc(32, byte) };
}

export const voterKey = makeKey('v1', 1);
export const receiptKey = makeKey('r1', 2);

export type TestApp<B extends Ballots> = {
  app: ReturnType<typeof createApp>;
  ballots: B;
  limits: Limits;
  request: ReturnType<typeof supertest>;
  /** A client that keeps its cookies, as a browser does. */
  browser(): ReturnType<typeof supertest.agent>;
  /** All lines logged so far, as one text. */
  logged(): string;
  /** All metrics as they are now. */
  metrics(): ReturnType<ReturnType<typeof createRegistry>['getMetricsAsJSON']>;
  /** The value of a metric's series, undefined if there is none. */
  metric(name: string, labels?: Record<string, string>): Promise<number | undefined>;
};

type TestConfig = Partial<AppConfig & { limits: Partial<LimitsConfig> }>;

export function makeApp(): TestApp<FakeBallots>;
export function makeApp(config: TestConfig): TestApp<FakeBallots>;
export function makeApp<B extends Ballots>(config: TestConfig, ballots: B): TestApp<B>;
export function makeApp(
  { limits: limitsConfig, ...config }: TestConfig = {},
  ballots: Ballots = createFakeBallots(),
): TestApp<Ballots> {
  const lines: string[] = [];
  const registry = createRegistry();
  const metrics = createVoteMetrics(registry);
  const log = createLogger('vote', 'trace', { write: (line: string) => lines.push(line) });
  const limits = createLimits(
    {
      on: true,
      loopbackPasses: true,
      crowdKeys: [],
      allow: { voterPerMinute: 10, voterPerHour: 60, addressPerMinute: 1_000, addressPerHour: 5_000 },
      storeUrl: undefined,
      voterKeys: config.voterKeys ?? [voterKey],
      ...limitsConfig,
    },
    { log, metrics },
  );
  const app = createApp({
    config: {
      voterKeys: [voterKey],
      receiptKeys: [receiptKey],
      trustProxy: 0,
      publicVoteUrl: undefined,
      publicResultUrl: undefined,
      resultPort: 5001,
      ...config,
    },
    ballots,
    limits,
    log,
    metrics,
  });
  return {
    app,
    ballots,
    limits,
    request: supertest(app),
    browser: () => supertest.agent(app),
    logged: () => lines.join(''),
    metrics: () => registry.getMetricsAsJSON(),
    async metric(name, labels = {}) {
      const metric = (await registry.getMetricsAsJSON()).find((candidate) => candidate.name === name);
      return metric?.values.find((value) =>
        Object.entries(labels).every(([key, text]) => String(value.labels[key as never]) === text),
      )?.value;
    },
  };
}

/** The cookies that a response sets, by name. */
export function cookiesOf(response: { headers: Record<string, unknown> }): Map<string, SetCookie> {
  const lines = (response.headers['set-cookie'] ?? []) as string[];
  return new Map(
    lines.map((line) => {
      const [pair, ...attributes] = line.split('; ');
      const at = pair!.indexOf('=');
      return [pair!.slice(0, at), { value: pair!.slice(at + 1), attributes, line }];
    }),
  );
}

export type SetCookie = { value: string; attributes: string[]; line: string };
