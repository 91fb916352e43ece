import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { within } from '@hbf/ballot-stream/connection';
import { startBrowserPage } from '../clients/browser-page.ts';
import { readFinalState } from '../clients/final-state.ts';
import { startPages } from '../clients/page.ts';
import { joinPages, type Pages } from '../clients/pages.ts';
import { DRILL_POLLS, pollsFile } from '../clients/polls.ts';
import { untilDrained } from '../clients/settled.ts';
import { startVoters } from '../clients/voters.ts';
import { watchBooks } from '../clients/watch-books.ts';
import { check } from '../history/check.ts';
import { checkHistoryAlone } from '../history/check-history.ts';
import type { FinalState, HistoryEvent } from '../history/events.ts';
import { FINAL_FILE, HISTORY_FILE } from '../history/read.ts';
import { createRecorder, type Recorder } from '../history/recorder.ts';
import type { Violation } from '../history/violation.ts';
import { createRandom } from '../random.ts';
import type { System, SystemOptions } from '../system/system.ts';
import { type Drill, longestMs, needsOf, possibleFaults } from './drill.ts';
import { createNemesis } from './nemesis.ts';
import { watchStandstill } from './watch-standstill.ts';

export type DrillResult = {
  drill: string;
  seed: string;
  seconds: number;
  history: readonly HistoryEvent[];
  /** Undefined if it did not come so far. */
  final?: FinalState;
  /** What the checker found. */
  violations: readonly Violation[];
  /** What kept the drill from coming to its end: it did not recover, a part could not be started again, … */
  failure?: Error;
  /** Why it was not run: what all its faults need is missing here. */
  leftOut?: string;
  /** Faults that it was run without, and why. */
  without?: readonly { fault: string; why: string }[];
};

export type RunOptions = {
  seed: string;
  create(options: SystemOptions): Promise<System>;
  /** Where history, final state and logs are kept; no other drill's are there yet. */
  folder: string;
  /** On top of the drill's own; a proof runs a changed build. */
  system?: Partial<SystemOptions>;
  /** The build of the replicas that faults add where they ask for a changed one. */
  faultBuild?: string;
  /** How long it may take in place of `longestMs` (ms). */
  withinMs?: number;
};

const WARM_UP_BALLOTS = 100;
/** Accepted after each recovery: what was healed must work, not only look so. */
const BALLOTS_AFTER_HEALING = 60;
const RECOVER_WITHIN_MS = 60_000;
/** How long the parts of a drill have to notice that it is over (ms). */
const LEAVE_WITHIN_MS = 20_000;

/**
 * Runs a drill from the start of a system of its own to the check of every ballot. Does not throw for what it finds. Of a
 * drill that fails, the promises that the history alone can tell of are checked all the same.
 * @throws if the folder has a history already.
 */
export async function runDrill(drill: Drill, options: RunOptions): Promise<DrillResult> {
  const began = performance.now();
  const { seed, folder, withinMs = longestMs(drill) } = options;
  if (existsSync(join(folder, HISTORY_FILE))) throw new Error(`${folder} has the history of another drill`);
  mkdirSync(folder, { recursive: true });
  const file = createRecorder(join(folder, HISTORY_FILE));
  const running: Running = {};
  const recorder: Recorder = {
    ...file,
    record: (event) => {
      // What hung may go on for a while, and the file is closed then.
      if (!running.over) file.record(event);
    },
  };
  const work = drillFromStart(drill, recorder, options, running);
  let outcome: Partial<DrillResult>;
  try {
    outcome = await within(withinMs, work, 'the drill hangs');
  } catch (error) {
    outcome = { failure: error as Error };
  }
  try {
    await close(running, join(folder, 'logs'), work);
  } catch (error) {
    outcome.failure ??= new Error('the system could not be closed', { cause: error });
  }
  running.over = true;
  await recorder.close();
  if (outcome.failure && !outcome.violations) outcome.violations = checkHistoryAlone(recorder.events);
  return {
    drill: drill.name,
    seed,
    seconds: (performance.now() - began) / 1_000,
    history: recorder.events,
    violations: [],
    ...outcome,
  };
}

/** What a drill has started so far, so that it can be ended from outside. */
type Running = {
  system?: System;
  leave?: () => Promise<void>;
  /** It was given up, or has come to its end. */
  ended?: true;
  /** Nothing is recorded any more. */
  over?: true;
};

async function close(running: Running, logs: string, work: Promise<unknown>): Promise<void> {
  running.ended = true;
  await running.system?.saveLogs(logs).catch(() => {});
  await within(LEAVE_WITHIN_MS, running.leave?.() ?? Promise.resolve(), 'voters and pages do not stop').catch(
    () => {},
  );
  await running.system?.close();
  // What hung comes to an end once nothing is there any more.
  await within(LEAVE_WITHIN_MS, work, 'the drill does not end').catch(() => {});
}

async function drillFromStart(
  drill: Drill,
  recorder: Recorder,
  options: RunOptions,
  running: Running,
): Promise<Partial<DrillResult>> {
  const system = await options.create({
    polls: pollsFile(DRILL_POLLS),
    votes: 2,
    workers: 2,
    results: 2,
    ...drill.system,
    prepare: needsOf(drill),
    logsTo: join(options.folder, 'logs'),
    ...options.system,
  });
  if (running.ended) {
    // It took longer to start than the whole drill may.
    await system.close();
    return {};
  }
  running.system = system;
  const { faults, impossible } = possibleFaults(drill, system.lacks);
  if (faults.length === 0) return { leftOut: impossible[0]!.why };
  recorder.record({
    type: 'drill',
    drill: drill.name,
    seed: options.seed,
    on: system.on,
    startedAt: new Date().toISOString(),
  });
  const without = impossible;
  try {
    const final = await drillOn(system, { ...drill, faults }, recorder, options, running);
    writeFileSync(join(options.folder, FINAL_FILE), JSON.stringify(final, null, 1));
    return { final, violations: check(recorder.events, final), without };
  } catch (error) {
    return { failure: error as Error, without };
  }
}

async function drillOn(
  system: System,
  drill: Drill,
  recorder: Recorder,
  { seed, faultBuild, system: { build } = {} }: RunOptions,
  running: Running,
): Promise<FinalState> {
  const random = createRandom(`${seed}/${drill.name}`);
  const parts: Pages[] = [startPages({ system, recorder })];
  const voters = startVoters({ system, recorder, random: random.fork('voters'), ...drill.load });
  const leaveBooks = watchBooks({ system, recorder });
  const leaveStandstill = watchStandstill(recorder);
  const leave = async () => {
    leaveBooks();
    leaveStandstill();
    await voters.stop().catch(() => {});
    await Promise.all(parts.map((part) => part.stop()));
  };
  running.leave = leave;
  try {
    if (drill.browser) {
      const page = await startBrowserPage({ system, recorder, poll: DRILL_POLLS[0]!.key });
      if (page) parts.push(page);
      else
        recorder.record({ type: 'note', text: 'no Chromium: the real page was not watched', toReport: true });
    }
    const pages = joinPages(system, ...parts);
    await voters.untilAccepted(WARM_UP_BALLOTS);
    await pages.untilLive(RECOVER_WITHIN_MS);

    const nemesis = createNemesis(
      {
        system,
        random: random.fork('nemesis'),
        polls: [...DRILL_POLLS],
        build: faultBuild,
        changed: build !== undefined,
        note: (text) => recorder.record({ type: 'note', text }),
        remark: (text) => recorder.record({ type: 'note', text, toReport: true }),
      },
      {
        ...recorder,
        record(event) {
          // Else a nemesis that hung would heal, and start again what is closed by now.
          if (running.ended) throw new Error('the drill is over');
          recorder.record(event);
        },
      },
    );
    const recover = async () => {
      await pages.untilLive(RECOVER_WITHIN_MS);
      await voters.untilAccepted(BALLOTS_AFTER_HEALING, RECOVER_WITHIN_MS);
    };
    const { plan, faults } = drill;
    if (plan.order === 'in-turn') await nemesis.inTurn(faults, plan.rounds, recover);
    else await nemesis.mixed(faults, plan.forMs, recover);

    await voters.stop();
    if (faults.some(({ effects }) => effects?.loses)) {
      // Each time that a vote process comes back, it may remind Redis of more that was lost.
      await untilDrained(system);
      const { code, output } = await system.workerCommand('acknowledge-loss');
      if (code !== 0) throw new Error(`the loss could not be acknowledged (${code}): ${output}`);
    }
    return await readFinalState(system, recorder.events, voters.voters(), pages);
  } finally {
    await leave();
  }
}
