import { pause } from '../pause.ts';
import type { Progress } from '../progress.ts';
import { formatMs } from '../times.ts';
import type { Audit } from './audit.ts';
import { driftOf } from './difference.ts';
import type { Meters } from './meter.ts';
import { APPS, type App } from './metrics.ts';
import type { Visits } from './visits.ts';

const SHOW_EVERY_MS = 1_000;

/** Says once a second how it goes, until the signal. */
export async function showProgress(
  durationMs: number,
  { meters, visits, audit, progress }: { meters: Meters; visits: Visits; audit: Audit; progress: Progress },
  signal: AbortSignal,
): Promise<void> {
  const started = performance.now();
  const about = (app: App, seconds: number) => {
    const { requests, failed, slow } = meters[app].counts;
    const p99 = formatMs(meters[app].recentP99());
    return `${app} ${Math.round(requests / seconds)}/s, p99 ${p99}, ${slow} slow, ${failed} failed`;
  };
  while (await pause(SHOW_EVERY_MS, signal)) {
    const seconds = (performance.now() - started) / 1_000;
    const { accepted, refused, unconfirmed } = visits.counts;
    const drift = driftOf(audit.now);
    progress.update(
      `${seconds.toFixed(0)} s: ${APPS.map((app) => about(app, seconds)).join('; ')}; ${accepted} accepted, ` +
        `${refused} refused, ${unconfirmed} unconfirmed, ${visits.open} open; ` +
        `tally ${drift === 0 ? 'right' : `off by ${drift}`}`,
      Math.min(1, (seconds * 1_000) / durationMs),
    );
  }
}
