import { join } from 'node:path';
import { type DrillResult, type RunOptions, runDrill } from '../drills/run-drill.ts';
import { copyBuild } from '../system/build-copy.ts';
import type { Proof } from './proofs.ts';
import { concerning, judge, type Verdict } from './verdict.ts';

export type ProofResult = {
  proof: string;
  /** With the mechanism. */
  control: DrillResult;
  /** Without it; the last of the attempts. The first has the control's seed and schedule, each further one its own. */
  without: DrillResult;
  /** How often it was tried: some gaps show only when two things happen within a millisecond. */
  attempts: number;
  /** The control was as it must be, and without the mechanism a promise that the proof is about was broken. */
  proved: boolean;
} & Verdict;

const MOST_ATTEMPTS = 3;

/** Runs the proof's drill with the mechanism, and without it, where it must find something. */
export async function prove(proof: Proof, options: RunOptions): Promise<ProofResult> {
  const { seed, folder } = options;
  const run = async (
    name: string,
    ofSeed: string,
    mutations: Proof['off'],
    system: Pick<Proof, 'redisSettings'>,
  ): Promise<DrillResult> => {
    const build = mutations.length > 0 ? await copyBuild(mutations) : undefined;
    // The seed and the drill's name make the schedule, so that the control has that of the first attempt.
    const drill = { ...proof.drill, name: proof.name };
    const { redisSettings } = system;
    return runDrill(drill, {
      ...options,
      seed: ofSeed,
      folder: join(folder, name),
      ...(build !== undefined && proof.inAddedWorkers ? { faultBuild: build } : {}),
      system: {
        ...(build !== undefined && !proof.inAddedWorkers ? { build } : {}),
        ...(redisSettings ? { redisSettings } : {}),
      },
    });
  };

  const { besides = [] } = proof;
  const control = await run('with', seed, besides, {});
  let without = control;
  let attempts = 0;
  do {
    attempts += 1;
    const ofSeed = attempts === 1 ? seed : `${seed}-${attempts}`;
    without = await run(`without-${attempts}`, ofSeed, [...besides, ...proof.off], proof);
  } while (
    attempts < MOST_ATTEMPTS &&
    without.leftOut === undefined &&
    concerning(proof, without).length === 0
  );

  const { why, brokenAnyway } = judge(proof, control, without);
  return {
    proof: proof.name,
    control,
    without,
    attempts,
    proved: why === undefined,
    brokenAnyway,
    ...(why === undefined ? {} : { why }),
  };
}
