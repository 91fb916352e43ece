/**
 * `npm run publish:images`: builds the images of compose.release.yaml for amd64 and arm64 and pushes them, each with an
 * SBOM and its provenance. Needs Docker with buildx, a builder of the driver docker-container, and a login.
 *
 * Environment: IMAGES, the registry and path; SOURCE, the address of the source for the label. The tag is the version
 * that the commit's git tag names (v1.2.3 → 1.2.3); the newest version that is no pre-release is `latest` too.
 */
import { execFileSync } from 'node:child_process';
import { root } from './pnpm.mjs';
import { say } from './terminal.mjs';

/** Of the services of compose.release.yaml, one for each image. */
const TARGETS = ['vote', 'worker', 'result', 'seed'];

const VERSION = /^v(\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?)$/;

const read = (command, ...args) => execFileSync(command, args, { cwd: root, encoding: 'utf8' }).trim();

/** The newest first, pre-releases after their release. Throws where no tag of a version is at this commit. */
function versionOf(commit) {
  const versions = (...which) =>
    read('git', '-c', 'versionsort.suffix=-', 'tag', '--sort=-version:refname', ...which)
      .split('\n')
      .map((tag) => VERSION.exec(tag))
      .filter((match) => match !== null);
  const [here] = versions('--points-at', commit);
  if (!here)
    throw new Error(
      `The commit ${commit.slice(0, 12)} has no tag of a version, as v1.2.3: git tag it first.`,
    );
  const newest = versions('--list').find(([, , preRelease]) => !preRelease);
  return { version: here[1], isLatest: here[0] === newest?.[0] };
}

try {
  const { IMAGES } = process.env;
  if (!IMAGES)
    throw new Error('Set IMAGES to the registry and path, as registry.example.org/team/humansbestfriend.');
  // A registry takes no capitals, and a repository's name may have some.
  const images = IMAGES.toLowerCase();
  if (read('git', 'status', '--porcelain', '--untracked-files=no'))
    throw new Error('Files were changed since the commit: the images would not be what their tag says.');
  const commit = read('git', 'rev-parse', 'HEAD');
  const { version, isLatest } = versionOf(commit);
  const env = { ...process.env, IMAGES: images, TAG: version, REVISION: commit };
  const bake = (...args) => ['buildx', 'bake', '--file', 'compose.release.yaml', ...args, ...TARGETS];
  const plan = JSON.parse(
    execFileSync('docker', bake('--print'), {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).toString(),
  );
  const names = [...new Set(Object.values(plan.target).flatMap(({ tags = [] }) => tags))];
  const docker = (...args) => execFileSync('docker', args, { cwd: root, env, stdio: 'inherit' });
  docker(
    ...bake('--push', '--sbom=true', '--provenance=mode=max', '--set=*.platform=linux/amd64,linux/arm64'),
  );
  if (isLatest)
    for (const name of names)
      docker('buildx', 'imagetools', 'create', '--tag', name.replace(/:[^:/]*$/, ':latest'), name);
  say(`Published ${names.join(', ')}${isLatest ? ', and each as latest' : ''}.`);
} catch (error) {
  say(`✗ ${error.message}`);
  process.exitCode = 1;
}
