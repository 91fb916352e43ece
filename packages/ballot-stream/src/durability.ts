import type { Redis } from 'ioredis';

/**
 * Checks that Redis keeps what it acknowledged: an append-only file, synced before every reply, and no eviction.
 * @returns what is wrong, each with the setting that mends it; empty if all is well. `hidden` when this Redis does
 *   not let its configuration be read, as managed ones do.
 */
export async function durabilityFaults(redis: Redis): Promise<{ faults: string[]; hidden: boolean }> {
  let reply: unknown;
  try {
    reply = await redis.config('GET', '*append*', 'maxmemory-policy');
  } catch (error) {
    // Any other refusal (loading, busy) will pass, and says nothing of the configuration.
    if (!/^(NOPERM|ERR unknown command)/i.test((error as Error).message)) throw error;
    return { faults: [], hidden: true };
  }
  const settings = new Map<string, string>();
  if (Array.isArray(reply)) {
    for (let i = 0; i < reply.length; i += 2) settings.set(String(reply[i]), String(reply[i + 1]));
  } else {
    for (const [name, value] of Object.entries(reply as Record<string, string>)) settings.set(name, value);
  }
  const wanted = {
    appendonly: 'yes',
    appendfsync: 'always',
    // Otherwise nothing is synced, whatever appendfsync says, for as long as the file is being rewritten.
    'no-appendfsync-on-rewrite': 'no',
    'maxmemory-policy': 'noeviction',
  };
  const faults = Object.entries(wanted)
    .filter(([name, value]) => settings.get(name) !== value)
    .map(([name, value]) => `${name} is "${settings.get(name)}" and must be "${value}"`);
  return { faults, hidden: false };
}
