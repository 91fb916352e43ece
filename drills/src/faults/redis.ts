import type { Fault } from './fault.ts';

export const killRedis: Fault = {
  name: 'kill-redis',
  about: 'Redis is killed with kill -9, and started again later',
  touches: ['redis'],
  effects: { stops: ['accepting', 'recording'], storeAway: true },
  holdMs: [300, 8_000],
  async inject({ system }) {
    await system.redis.kill();
    return { heal: () => system.redis.start() };
  },
};

export const pauseRedis: Fault = {
  name: 'pause-redis',
  about: 'Redis is stopped with SIGSTOP for 5 s and more',
  touches: ['redis'],
  effects: { stops: ['accepting', 'recording'], storeAway: true },
  holdMs: [5_000, 8_000],
  async inject({ system }) {
    await system.redis.pause();
    return { heal: () => system.redis.resume() };
  },
};
