import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { commandAgain, parseCommand } from '../src/command.ts';
import { DRILLS, FULL } from '../src/drills/catalogue.ts';
import { PROOFS } from '../src/proofs/proofs.ts';
import { ROOT } from '../src/system/project.ts';

const folder = mkdtempSync(join(tmpdir(), 'hbf-command-'));
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]) =>
  spawnSync(process.execPath, ['drills/dist/main.js', ...args], { cwd: ROOT, encoding: 'utf8' });

it.each([[['--nonsense']], [['--report', join(folder, 'no-such-document.md')]]])(
  '%j is no broken promise: exit code 2, a line that says what is wrong, and no drill',
  { timeout: 60_000 },
  (args) => {
    const { status, stdout, stderr } = run(...args);
    expect(stderr).toMatch(/^✗ [^\n]+\n$/);
    expect(stdout).not.toContain('1/');
    expect(status).toBe(2);
  },
);

it('a history that breaks a promise exits with 1', { timeout: 60_000 }, () => {
  const page = { type: 'page', page: 'p', poll: 'a', shows: 'live', turnout: 9, queued: 0, phase: 'open' };
  writeFileSync(join(folder, 'history.jsonl'), `${JSON.stringify({ at: 1, ...page, votes: [9] })}\n`);
  const { status, stdout } = run('--check', folder);
  expect(stdout).toContain('pages-show-what-was-sent');
  expect(status).toBe(1);
});

it('what there is not, or would be ignored, is refused', () => {
  for (const [args, message] of [
    [['no-such-drill'], /no "no-such-drill". There are: short, kill-vote/],
    [['--prove', 'kill-redis'], /no "kill-redis". There are: fsync-always/],
    [['--short', 'kill-redis'], /not both/],
    [['mixed', '--minutes', 'ten'], /is "ten"/],
  ] as const)
    expect(() => parseCommand(args)).toThrow(message);
});

it('a document gets the tables of the full set and of all proofs, not those of some', () => {
  for (const args of [['kill-redis'], ['--short'], ['--minutes', '1'], ['--prove', 'run-id']])
    expect(() => parseCommand(['--report', 'x.md', ...args])).toThrow(/--report takes/);
  expect(parseCommand(['--report', 'x.md'])).toMatchObject({ report: 'x.md', drills: FULL });
  expect(parseCommand(['--report', 'x.md', '--prove'])).toMatchObject({ report: 'x.md', proofs: PROOFS });
  // Containers cannot do all, and which were run is put into the document.
  expect(parseCommand(['--report', 'x.md', '--compose', 'kill-redis'])).toMatchObject({
    report: 'x.md',
    drills: [{ name: 'kill-redis' }],
  });
});

it('what proofs would ignore is refused', () => {
  for (const more of ['--compose', '--short', '--minutes=3'])
    expect(() => parseCommand(['--prove', more])).toThrow(/Proofs run on local processes/);
});

it('the command that runs a drill again is the one that ran it', () => {
  const again = (...args: string[]) => {
    const command = parseCommand(args);
    if (command.do !== 'drill') throw new Error(command.do);
    return command.drills.map((drill) => commandAgain(drill, command));
  };
  expect(again('mixed', 'kill-redis', '--minutes', '3', '--compose')).toEqual([
    'npm run drill -- mixed --minutes 3 --compose',
    'npm run drill -- kill-redis --compose',
  ]);
  expect(again('--short')).toEqual(['npm run drill -- short']);
});

it('a mixed drill lasts as long as is asked for', () => {
  expect(parseCommand(['mixed', '--minutes', '3'])).toMatchObject({
    drills: [{ plan: { order: 'mixed', forMs: 180_000 } }],
  });
  expect(DRILLS.get('mixed')!.plan).toEqual({ order: 'mixed', forMs: 600_000 });
});
