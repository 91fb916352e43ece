import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type BrowseMetrics = ReturnType<typeof createBrowseMetrics>;

/** What a person does in a browser, each with a page that comes of it. */
export const STEPS = ['open', 'vote', 'change', 'watch'] as const;
export type Step = (typeof STEPS)[number];

/** What people in browsers see. Every series is there from the start. */
export function createBrowseMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const failed = new Counter({
    name: 'crowd_pages_failed_total',
    help: 'Pages that did not come or lacked a part, were an error, or did not say what they should',
    labelNames: ['step'],
    registers,
  });
  const loads = new Histogram({
    name: 'crowd_page_load_seconds',
    help: 'From the address until the page and all in it is loaded; of a vote, from the tap until its answer is there',
    labelNames: ['step'],
    buckets: [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10],
    registers,
  });
  for (const step of STEPS) {
    failed.inc({ step }, 0);
    loads.zero({ step });
  }
  return {
    registry,
    failed,
    loads,
    browsers: new Gauge({ name: 'crowd_browsers', help: 'Windows that are open', registers }),
  };
}
