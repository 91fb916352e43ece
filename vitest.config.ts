import { configDefaults, defineConfig } from 'vitest/config';

/** Tests of the drills' own parts that start a system. */
const WHOLE_SYSTEMS = 'drills/test/whole/**/*.test.ts';
/** Tests that read the repository, and start no system. */
const ABOUT_THE_FILES = 'tests/{repository,monitoring}/**/*.test.ts';
/** Tests of the Compose files. They need Docker; `npm run test:compose` runs them, and `npm test` leaves them out. */
const IN_CONTAINERS = 'tests/compose/**';

/** How long a test waits (ms) for what it waits for, unless it says otherwise. */
const PATIENCE_MS = 10_000;
const patient = {
  setupFiles: ['tests/support/patient-waits.ts'],
  provide: { patienceMs: PATIENCE_MS },
  expect: { poll: { timeout: PATIENCE_MS } },
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...patient,
          name: 'unit',
          include: [
            'packages/*/test/**/*.test.ts',
            'apps/*/test/**/*.test.ts',
            'drills/test/**/*.test.ts',
            ABOUT_THE_FILES,
          ],
          exclude: [...configDefaults.exclude, WHOLE_SYSTEMS],
          globalSetup: ['packages/local-services/src/vitest-setup.ts'],
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...patient,
          name: 'system',
          include: ['tests/**/*.test.ts', WHOLE_SYSTEMS],
          exclude: [...configDefaults.exclude, ABOUT_THE_FILES, IN_CONTAINERS],
          pool: 'forks',
          // Whole systems under load, with deadlines of their own: two at a time would disturb each other.
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...patient,
          name: 'attacks',
          include: ['attacks/**/*.test.ts'],
          pool: 'forks',
          // All files in one process, one after another: they attack one system, which is started once.
          maxWorkers: 1,
          fileParallelism: false,
          isolate: false,
          // Longer than attacks/support/seed.ts gives random tries.
          testTimeout: process.env.ATTACK === 'full' ? 300_000 : 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...patient,
          name: 'compose',
          include: ['tests/compose/*.test.ts'],
          pool: 'forks',
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 180_000,
          // Images may have to be pulled and built.
          hookTimeout: 1_200_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
