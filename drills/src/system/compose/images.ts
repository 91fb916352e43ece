import type { Project } from './project.ts';

let building: Promise<string> | undefined;

/** Builds the images, once for all systems of this process. */
export function buildImages(project: Project, say: (line: string) => void): Promise<string> {
  if (building === undefined) {
    say('docker compose build: the images are built once (the first time this takes minutes)');
    building = project.compose('build', 'vote', 'worker', 'result');
  }
  return building;
}
