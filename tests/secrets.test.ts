import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '@hbf/drills/system/project';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

let folder: string;
beforeEach(() => {
  const parent = mkdtempSync(join(tmpdir(), 'hbf-secrets-'));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  folder = join(parent, 'secrets');
});

const secrets = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/secrets.mjs', ...args], {
    cwd: ROOT,
    // Whatever the user's mask is.
    env: { ...process.env, SECRETS_DIR: folder },
    encoding: 'utf8',
  });
  return { code: status, output: `${stdout}${stderr}` };
};
const read = (name: string) => readFileSync(join(folder, name), 'utf8').trimEnd();
const exporterPassword = () =>
  (JSON.parse(read('redis_exporter_passwords')) as Record<string, string>)['redis://exporter@redis:6379']!;
const all = () => Object.fromEntries(readdirSync(folder).map((name) => [name, read(name)]));
const mode = (path: string) => statSync(path).mode & 0o777;
const hashOf = (password: string) => `#${createHash('sha256').update(password).digest('hex')}`;

describe('npm run secrets', () => {
  it('makes every secret that the Compose files of a release name, and no other', () => {
    expect(secrets().code).toBe(0);
    const named = ['compose.release.yaml', 'infra/compose.sla.release.yaml'].flatMap((path) =>
      [
        ...readFileSync(join(ROOT, path), 'utf8').matchAll(
          /\{ file: '\$\{SECRETS_DIR:-\.\/secrets\}\/(\w+)' \}/g,
        ),
      ].map(([, name]) => name),
    );
    expect(readdirSync(folder).sort()).toEqual(named.sort());
  });

  it('makes keys as the services take them, and another secret for everything', () => {
    secrets();
    for (const name of ['voter_keys', 'receipt_keys', 'crowd_keys']) {
      expect(read(name), name).toMatch(/^k1:[0-9a-f]{64}$/);
    }
    const random = Object.values(all()).flatMap((value) => value.match(/\b[0-9a-f]{64}\b/g) ?? []);
    // crowd_key is the first of crowd_keys.
    expect(new Set(random).size).toBe(random.length - 1);
  });

  it('lets containers read the files, and no other user of the machine', () => {
    secrets();
    expect(mode(folder)).toBe(0o700);
    for (const name of readdirSync(folder)) expect(mode(join(folder, name)), name).toBe(0o444);
  });

  it('closes a folder that others may enter', () => {
    secrets();
    chmodSync(folder, 0o755);
    secrets();
    expect(mode(folder)).toBe(0o700);
  });

  it('says that PostgreSQL must be told of a password that was made anew, and only then', () => {
    const told = 'A PostgreSQL that runs with the earlier database_url_worker must be told';
    expect(secrets().output).not.toContain('must be told');
    rmSync(join(folder, 'database_url_worker'));
    expect(secrets().output).toContain(told);
    expect(secrets().output).not.toContain('must be told');
  });

  it('makes what is missing, and leaves what is there', () => {
    secrets();
    const before = all();
    rmSync(join(folder, 'voter_keys'));
    rmSync(join(folder, 'redis_acl'));
    const { code, output } = secrets();
    expect(code).toBe(0);
    expect(output).toContain('made: voter_keys, redis_acl\n');
    const { voter_keys: made, ...others } = all();
    const { voter_keys: lost, ...kept } = before;
    expect(others).toEqual(kept);
    expect(made).not.toBe(lost);
  });

  it('keeps no password of either Redis in the file of its users', () => {
    secrets();
    const acl = read('redis_acl');
    const passwords = [
      new URL(read('redis_url_vote')).password,
      new URL(read('redis_url_worker')).password,
      exporterPassword(),
      read('redis_operator_password'),
    ];
    for (const password of passwords) {
      expect(acl).not.toContain(password);
      expect(acl).toContain(hashOf(password));
    }
    const { password } = new URL(read('limits_url'));
    expect(read('limits_acl')).not.toContain(password);
    expect(read('limits_acl')).toContain(hashOf(password));
  });

  it.each([
    ['redis_url_vote', /redis_acl does not admit those whom redis_url_vote/],
    ['redis_exporter_passwords', /redis_acl does not admit those whom .*redis_exporter_passwords/],
    ['limits_url', /limits_acl does not admit whom limits_url/],
  ])(
    'refuses the password in %s that was lost and made anew, since Redis knows the old one',
    (name, words) => {
      secrets();
      rmSync(join(folder, name));
      const { code, output } = secrets();
      expect(code).toBe(1);
      expect(output).toMatch(words);
    },
  );

  it("adds a user whom an earlier version's Redis does not know, changes no other, and says that Redis must be told", () => {
    const told = 'A Redis that runs does not know the users of redis_acl yet';
    expect(secrets().output).not.toContain(told);
    const before = all();
    rmSync(join(folder, 'redis_exporter_passwords'));
    rmSync(join(folder, 'redis_acl'));
    const users = before.redis_acl!.split('\n').filter((line) => !line.startsWith('user exporter '));
    writeFileSync(join(folder, 'redis_acl'), users.join('\n'));
    const { code, output } = secrets();
    expect(code, output).toBe(0);
    expect(output).toContain('made: redis_exporter_passwords, redis_acl\n');
    expect(output).toContain(told);
    const after = read('redis_acl').split('\n');
    expect(after.filter((line) => !users.includes(line))).toEqual([
      `user exporter on ${hashOf(exporterPassword())} +ping +info`,
    ]);
    expect(users.filter((line) => !after.includes(line))).toEqual([]);
    expect(secrets().output).not.toContain(told);
  });

  it('refuses an empty file, and names it', () => {
    secrets();
    rmSync(join(folder, 'receipt_keys'));
    writeFileSync(join(folder, 'receipt_keys'), '\n');
    const { code, output } = secrets();
    expect(code).toBe(1);
    expect(output).toContain(`${join(folder, 'receipt_keys')} is empty`);
  });

  it('rotates a key by putting a new one in front, and retires the others', () => {
    secrets();
    const first = read('crowd_keys');
    expect(secrets('rotate', 'crowd_keys').code).toBe(0);
    const [newest, ...older] = read('crowd_keys').split(',');
    expect(newest).toMatch(/^k2:[0-9a-f]{64}$/);
    expect(older).toEqual([first]);
    expect(read('crowd_key')).toBe(newest);
    secrets('retire', 'crowd_keys');
    expect(read('crowd_keys')).toBe(newest);
    expect(secrets().code).toBe(0);
  });

  it.each([
    [
      'redis',
      [
        'redis_acl',
        'redis_exporter_passwords',
        'redis_operator_password',
        'redis_url_vote',
        'redis_url_worker',
      ],
    ],
    ['limits', ['limits_acl', 'limits_url']],
    [
      'postgres',
      ['database_url_result', 'database_url_worker', 'postgres_exporter_password', 'postgres_password'],
    ],
  ])('rotates all passwords of %s, and those alone', (store, names) => {
    secrets();
    const before = all();
    expect(secrets('rotate', store).code).toBe(0);
    const after = all();
    const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
    expect(changed.sort()).toEqual(names);
    expect(secrets().code).toBe(0);
    for (const name of readdirSync(folder)) expect(mode(join(folder, name)), name).toBe(0o444);
  });

  it('says how it is used when it is asked for something else', () => {
    secrets();
    for (const args of [['rotate'], ['rotate', 'mine'], ['retire', 'redis'], ['remove', 'voter_keys']]) {
      const { code, output } = secrets(...args);
      expect(code).toBe(2);
      expect(output).toMatch(/^Usage: npm run secrets/);
    }
  });

  it('writes to a folder that neither git nor an image gets', () => {
    const ignored = execFileSync('git', ['check-ignore', 'secrets/voter_keys'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(ignored).toBe('secrets/voter_keys\n');
    // An allow-list.
    const lines = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
    expect(lines.find((line) => line !== '' && !line.startsWith('#'))).toBe('*');
    expect(lines.filter((line) => /^!.*(secret|\*)/.test(line))).toEqual([]);
  });
});
