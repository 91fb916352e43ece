import { clockFaults } from './clock.ts';
import type { Fault } from './fault.ts';
import { LINKS, lateThenInTime, linkFaults } from './links.ts';
import { cutTail, emptiedRedis, emptiedUnderOwners, rolledBack } from './losing-redis.ts';
import { foreignEntries, poisonedChoice } from './poison.ts';
import { changePolls, closePoll } from './polls.ts';
import {
  awayUntilRedisIsFull,
  bothStores,
  fullDisk,
  killPostgres,
  pausePostgres,
  stopPostgres,
  stopPostgresFast,
} from './postgres.ts';
import {
  comingAndGoing,
  fiveWorkers,
  killAtSteps,
  killOne,
  killWorkers,
  pauseOne,
  pauseShortly,
  stopEverything,
  stopServices,
} from './processes.ts';
import { killRedis, pauseRedis } from './redis.ts';
import { failingFile, failingFileUnread, fullRedis } from './refusing-redis.ts';

/** Every fault that drills know, by name. */
export const FAULTS_BY_NAME: ReadonlyMap<string, Fault> = new Map(
  [
    ...(['vote', 'worker', 'result'] as const).flatMap((app) => [killOne(app), pauseOne(app)]),
    killWorkers,
    pauseShortly,
    ...killAtSteps,
    stopServices,
    stopEverything,
    comingAndGoing,
    fiveWorkers,
    killRedis,
    pauseRedis,
    fullRedis,
    failingFile,
    failingFileUnread,
    cutTail,
    rolledBack,
    emptiedRedis,
    emptiedUnderOwners,
    killPostgres,
    stopPostgres,
    stopPostgresFast,
    pausePostgres,
    fullDisk,
    awayUntilRedisIsFull,
    bothStores,
    ...LINKS.flatMap(linkFaults),
    lateThenInTime,
    ...clockFaults,
    foreignEntries,
    poisonedChoice,
    changePolls,
    closePoll,
  ].map((fault) => [fault.name, fault]),
);
