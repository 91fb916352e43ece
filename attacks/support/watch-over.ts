import { afterAll, beforeAll, expect } from 'vitest';
import { result, system, vote } from './system.ts';
import { newVoter, untilCounted } from './voter.ts';

/**
 * The requests that a replica answered with 5xx, by its own metrics. Not 503: those tell the truth about a store that is
 * late, as it may be on a busy machine.
 */
async function failures(replica: typeof vote): Promise<string[]> {
  return (await replica.metrics())
    .split('\n')
    .filter((line) => /^http_request_duration_seconds_count\{.*status_code="5(?!03)\d\d"\} [1-9]/.test(line));
}

/**
 * Call it at the top level of every file. After its attacks: no service has died, none has failed a request, every line of
 * their logs is one JSON object, the books balance, and an honest vote counts.
 */
export function watchOver(): void {
  let before: string[][] = [];
  let deaths = 0;
  beforeAll(async () => {
    before = await Promise.all([vote, result].map(failures));
    deaths = system.deaths.length;
  });
  afterAll(async () => {
    expect(system.deaths.slice(deaths)).toEqual([]);
    expect(await Promise.all([vote, result].map(failures))).toEqual(before);
    for (const { lines } of system.replicas)
      for (const line of lines) expect(isObject(line), line).toBe(true);
    await untilCounted(await (await newVoter()).castAccepted('browser'));
    const { code, output } = await system.workerCommand('recount');
    expect(code, output).toBe(0);
    expect(await system.postgres.query('SELECT * FROM partitions WHERE drift <> 0')).toEqual([]);
  });
}

function isObject(line: string): boolean {
  try {
    const value = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
