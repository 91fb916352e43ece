import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startBrowserPage } from '../clients/browser-page.ts';
import { readFinalState } from '../clients/final-state.ts';
import { startPages } from '../clients/page.ts';
import { joinPages, type Pages } from '../clients/pages.ts';
import { DRILL_POLLS, pollsFile } from '../clients/polls.ts';
import { untilDrained } from '../clients/settled.ts';
import { startVoters } from '../clients/voters.ts';
import { check } from '../history/check.ts';
import type { FinalState, HistoryEvent } from '../history/events.ts';
import { FINAL_FILE, HISTORY_FILE } from '../history/read.ts';
import { createRecorder, type Recorder } from '../history/recorder.ts';
import type { Violation } from '../history/violation.ts';
import { createRandom } from '../random.ts';
import type { System, SystemOptions } from '../system/system.ts';
import { type Drill, needsOf, possibleFaults } from './drill.ts';
import { createNemesis } from './nemesis.ts';

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
  /** Where history, final state and logs are kept. */
  folder: string;
  /** On top of the drill's own; a proof runs a changed build. */
  system?: Partial<SystemOptions>;
  /** The build of the replicas that faults add where they ask for a changed one. */
  faultBuild?: string;
};

const WARM_UP_BALLOTS = 100;
/** Accepted after each recovery: what was healed must work, not only look so. */
const BALLOTS_AFTER_HEALING = 60;
const RECOVER_WITHIN_MS = 60_000;

/** Runs a drill from the start of a system of its own to the check of every ballot. Does not throw for what it finds. */
export async function runDrill(drill: Drill, options: RunOptions): Promise<DrillResult> {
  const began = performance.now();
  const { seed, folder } = options;
  mkdirSync(folder, { recursive: true });
  const recorder = createRecorder(join(folder, HISTORY_FILE));
  const done = (rest: Partial<DrillResult>): DrillResult => ({
    drill: drill.name,
    seed,
    seconds: (performance.now() - began) / 1_000,
    history: recorder.events,
    violations: [],
    ...rest,
  });
  let system: System | undefined;
  try {
    system = await options.create({
      polls: pollsFile(DRILL_POLLS),
      votes: 2,
      workers: 2,
      results: 2,
      ...drill.system,
      prepare: needsOf(drill),
      ...options.system,
    });
    const { faults, impossible } = possibleFaults(drill, system.lacks);
    if (faults.length === 0) return done({ leftOut: impossible[0]!.why });
    recorder.record({
      type: 'drill',
      drill: drill.name,
      seed,
      on: system.on,
      startedAt: new Date().toISOString(),
    });
    const final = await drillOn(system, { ...drill, faults }, recorder, options);
    writeFileSync(join(folder, FINAL_FILE), JSON.stringify(final, null, 1));
    return done({ final, violations: check(recorder.events, final), without: impossible });
  } catch (error) {
    return done({ failure: error as Error });
  } finally {
    await system?.saveLogs(join(folder, 'logs')).catch(() => {});
    await system?.close();
    await recorder.close();
  }
}

async function drillOn(
  system: System,
  drill: Drill,
  recorder: Recorder,
  { seed, faultBuild }: RunOptions,
): Promise<FinalState> {
  const random = createRandom(`${seed}/${drill.name}`);
  const parts: Pages[] = [startPages({ system, recorder })];
  const voters = startVoters({ system, recorder, random: random.fork('voters'), ...drill.load });
  try {
    if (drill.browser) {
      const page = await startBrowserPage({ system, recorder, poll: DRILL_POLLS[0]!.key });
      if (page) parts.push(page);
      else recorder.record({ type: 'note', text: 'no Chromium: the real page was not watched' });
    }
    const pages = joinPages(...parts);
    await voters.untilAccepted(WARM_UP_BALLOTS);
    await pages.untilLive(RECOVER_WITHIN_MS);

    const nemesis = createNemesis(
      {
        system,
        random: random.fork('nemesis'),
        polls: [...DRILL_POLLS],
        build: faultBuild,
        note: (text) => recorder.record({ type: 'note', text }),
      },
      recorder,
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
      await system.workerCommand('acknowledge-loss');
    }
    return await readFinalState(system, recorder.events, voters.voters(), pages);
  } finally {
    await voters.stop().catch(() => {});
    await Promise.all(parts.map((part) => part.stop()));
  }
}
