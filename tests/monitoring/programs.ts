import { spawnSync } from 'node:child_process';
import { findMonitoring } from '@hbf/local-services/find-monitoring';

/** Undefined where they cannot be had: then what needs them is skipped. */
export const programs = process.env.HBF_NO_MONITORING === '1' ? undefined : findMonitoring();

/** Runs a program to its end. */
export function run(command: string, ...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

/** Runs a checker. @throws Error with all that it said, if it finds something. */
export function check(command: string, ...args: string[]): void {
  const { status, output } = run(command, ...args);
  if (status !== 0) throw new Error(output);
}
