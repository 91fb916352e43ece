import { until } from '@hbf/drills/until';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './support/containers.ts';
import { createDevelopment } from './support/development.ts';

const development = await createDevelopment();
const { project, voteUrl, resultUrl } = development;
const container = (service: string, number = 1) => `${project.name}-${service}-${number}`;

/** An edit shows within seconds. This tells it from one that shows never, on however busy a machine. */
const EDIT_SHOWS_MS = 60_000;
const UP_MS = 120_000;

/** What is at an address; empty while there is nothing, as when an app is being started anew. */
async function textAt(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
  return (await response?.text().catch(() => '')) ?? '';
}

const untilShows = (url: string, text: string) =>
  until(`${url} shows ${text}`, async () => (await textAt(url)).includes(text), EDIT_SHOWS_MS);

const untilSays = (service: string, text: string) =>
  until(
    `the log of ${service} says: ${text}`,
    async () => (await development.log(service)).includes(text),
    EDIT_SHOWS_MS,
    250,
  );

async function votes(): Promise<number[]> {
  const tally = JSON.parse(await textAt(`${resultUrl}/api/polls/best-friend/tally`));
  return tally.options.map((option: { votes: number }) => option.votes);
}

const untilLive = () =>
  until(
    'the vote page is there, and the tally is live',
    async () =>
      (await textAt(voteUrl)).includes('Cats or dogs?') &&
      (await textAt(`${resultUrl}/api/polls/best-friend/tally`)).includes('"status":"live"'),
    UP_MS,
    250,
  );

/** Casts ballots as so many browsers would, and checks that the tally grew by exactly that. */
const seed = (cats: number, dogs: number) =>
  project.compose(
    ...['--profile', 'seed', 'run', '--rm', '--no-deps', '--no-TTY'],
    ...['seed', 'node', 'apps/crowd/src/main.ts', 'seed', '--ballots', `a=${cats},b=${dogs}`],
  );

/** @returns what `migrate` said, after an `up` that must have failed over it. */
async function refusedUp(): Promise<string> {
  const { code, output } = await project.tryCompose('up', '--detach');
  expect(code, output).not.toBe(0);
  const { State } = (await development.containers()).get('result')!;
  expect(State.Running).toBe(false);
  return development.log('migrate');
}

const acknowledgeLoss = () =>
  project.compose(
    ...['run', '--rm', '--no-deps', '--no-TTY'],
    ...['migrate', 'node', 'apps/worker/dist/main.js', 'acknowledge-loss'],
  );

beforeAll(async () => {
  await project.compose('build');
  await development.up();
  await untilLive();
});
afterAll(() => development.close());

describe('an edit, without a build', () => {
  it('of a template shows on the page, also the second one of the same file', async () => {
    const before = (await development.containers()).get('vote')!;
    const layout = 'packages/page-kit/views/layout.eta';
    development.edit(layout, '</main>', '<p>edited once</p></main>');
    await untilShows(voteUrl, 'edited once');
    development.edit(layout, 'edited once', 'edited twice');
    await untilShows(voteUrl, 'edited twice');
    development.restore(layout);
    await until(
      'it is taken back',
      async () => {
        const page = await textAt(voteUrl);
        return page.includes('</main>') && !page.includes('edited twice');
      },
      EDIT_SHOWS_MS,
    );
    expect((await development.containers()).get('vote')).toMatchObject({
      RestartCount: 0,
      State: { StartedAt: before.State.StartedAt },
    });
  });

  it("of a package's TypeScript shows in every app that has it", async () => {
    const problems = 'packages/contracts/src/problems.ts';
    development.edit(problems, 'The request is malformed', 'The request was edited');
    await untilShows(`${voteUrl}/problems/malformed`, 'The request was edited');
    await untilShows(`${resultUrl}/problems/malformed`, 'The request was edited');
    development.restore(problems);
    await untilShows(`${resultUrl}/problems/malformed`, 'The request is malformed');
  });

  it("of the worker's TypeScript, and of a package's that it shares with vote, shows in their logs", async () => {
    const main = 'apps/worker/src/main.ts';
    development.edit(main, "'the worker runs'", "'the edited worker runs'");
    await untilSays('worker', 'the edited worker runs');
    development.restore(main);
    const connection = 'packages/ballot-stream/src/connection.ts';
    development.edit(connection, '', "console.log('edited stream');\n");
    await untilSays('worker', 'edited stream');
    await untilSays('vote', 'edited stream');
    development.restore(connection);
    await untilLive();
  });

  it('of styles and of browser code shows, and no browser keeps what was there before', async () => {
    const assetsOf = async (url: string, kind: RegExp) => kind.exec(await textAt(url))?.[1] ?? 'none';
    const style = /href="(\/assets\/style[^"]*\.css)"/;
    const script = /src="(\/assets\/vote[^"]*\.js)"/;
    const before = await assetsOf(voteUrl, style);
    development.edit('packages/page-kit/browser/style.css', '', '.edited-style { color: red }\n');
    development.edit('apps/vote/browser/vote.ts', '', "console.log('edited script');\n");
    await until(
      'both show',
      async () =>
        (await textAt(voteUrl + (await assetsOf(voteUrl, style)))).includes('.edited-style') &&
        (await textAt(voteUrl + (await assetsOf(voteUrl, script)))).includes('edited script'),
      EDIT_SHOWS_MS,
    );
    expect(await assetsOf(voteUrl, style)).not.toBe(before);
    expect((await fetch(voteUrl)).headers.get('cache-control')).toBe('no-store');

    await until(
      "result's shows too",
      async () => (await textAt(resultUrl + (await assetsOf(resultUrl, style)))).includes('.edited-style'),
      EDIT_SHOWS_MS,
    );
  });

  it('that is broken stands in the log, and the next one brings the app back', async () => {
    const file = 'apps/vote/src/main.ts';
    development.edit(file, 'let config: Config;', 'let config: = broken;');
    await untilSays('vote', 'let config: = broken;');
    await untilSays('vote', 'waiting for an edit');
    development.restore(file);
    await untilLive();

    const style = 'apps/vote/browser/vote.ts';
    development.edit(style, '', 'import "./nowhere.ts";\n');
    await untilSays('vote', 'Could not resolve "./nowhere.ts"');
    development.restore(style);
    await untilLive();
  });
});

describe('for a developer', () => {
  it.for(['result', 'vote', 'worker'] as const)(
    'the debugger of %s answers, on loopback alone',
    async (app) => {
      const url = development.debuggers[app];
      expect(JSON.parse(await textAt(`${url}/json/version`)).Browser).toMatch(/^node\.js/);
      const [target] = JSON.parse(await textAt(`${url}/json/list`));
      expect(target.url).toMatch(new RegExp(`/apps/${app}/src/main\\.ts$`));
      const { HostConfig } = (await development.containers()).get('debuggers')!;
      const addresses = Object.values(HostConfig.PortBindings ?? {}).flat() as { HostIp: string }[];
      expect(addresses.map(({ HostIp }) => HostIp)).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1']);
    },
  );

  it('logs are lines for people', async () => {
    expect(await development.log('vote')).toMatch(
      /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: vote listens \{"port":5002/m,
    );
  });

  it('the apps have no right that they do not need, and come back by themselves', async () => {
    for (const [service, { Config, HostConfig }] of await development.containers()) {
      if (['redis', 'db'].includes(service)) continue;
      expect({ service, user: Config.User, ...HostConfig }).toMatchObject({
        user: '1000:1000',
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges:true'],
        RestartPolicy: { Name: service === 'migrate' ? 'no' : 'unless-stopped' },
      });
    }
  });
});

describe('more replicas', () => {
  it('of the worker share the partitions out, and the first keeps its debugger', async () => {
    await development.up('--scale', 'worker=3');
    const owned = (number: number) =>
      run(
        container('worker', number),
        ...['node', '-e', "fetch('http://127.0.0.1:9103/metrics').then((r) => r.text()).then(console.log)"],
      ).then((text) => Number(/^ballot_partitions_owned (\d+)/m.exec(text)?.[1]));
    await until(
      'each of the three owns a share of the four partitions',
      async () => {
        const shares = await Promise.all([1, 2, 3].map(owned));
        return shares.every((share) => share > 0) && shares.reduce((sum, share) => sum + share) === 4;
      },
      UP_MS,
      250,
    );
    expect(await textAt(`${development.debuggers.worker}/json/version`)).toContain('node.js');
    await seed(20, 10);
    expect(await votes()).toEqual([20, 10]);
  });

  it('of vote and result are reached at the ports of this machine, however many there are', async () => {
    await development.up('--scale', 'vote=2', '--scale', 'result=2');
    for (const service of ['vote', 'result']) {
      for (const number of [1, 2]) {
        await until(
          `${container(service, number)} answers`,
          async () => (await run(container(service, number), 'bash', '/usr/local/lib/healthy.sh')) === '',
          UP_MS,
          250,
        );
      }
    }
    await untilLive();
  });
});

describe('of the two volumes', () => {
  it("the loss of Redis's is refused until it is acknowledged, and what was recorded is kept", async () => {
    await project.compose('down');
    await development.removeVolume('redis-data');
    expect(await refusedUp()).toMatch(/Redis had accepted 30 ballots, but this Redis is empty/);
    expect(await acknowledgeLoss()).toContain('ballots were queued at the last heartbeat');
    await development.up();
    await untilLive();
    expect(await votes()).toEqual([20, 10]);
    expect(await acknowledgeLoss()).toContain('at least 0 ballots are now counted as lost');
    await seed(2, 1);
    expect(await votes()).toEqual([22, 11]);
  });

  it("the loss of PostgreSQL's is refused, and nothing of Redis's is taken for another system's", async () => {
    await project.compose('down');
    await development.removeVolume('db-data');
    expect(await refusedUp()).toMatch(/but this PostgreSQL database is empty/);
  });

  it('both are wiped by "down -v", and what starts then is new', async () => {
    await project.compose('down', '--volumes');
    expect(await development.volumes()).toEqual([]);
    await development.up();
    await untilLive();
    expect(await votes()).toEqual([0, 0]);
  });
});
