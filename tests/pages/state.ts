import type { RequestListener } from 'node:http';
import type { Poll } from '@hbf/contracts/poll';
import { closeServer, createHttpServer, listen } from '@hbf/service-kit/http-server';
import type { Page } from 'playwright-core';
import { afterAll } from 'vitest';

export type { Poll };

/** A state in which somebody may find a page. */
export type State = {
  name: string;
  /** Starts a service in which it can be found. @returns the page's address. */
  start: () => Promise<string>;
  /** Brings the page, once it is open, into the state. */
  reach: (page: Page) => Promise<void>;
};

/** Serves what is given on a port of its own, until the test file ends. @returns the origin. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createHttpServer(listener);
  afterAll(() => closeServer(server));
  return `http://127.0.0.1:${await listen(server, 0, '127.0.0.1')}`;
}

/** A poll in which several options may be chosen. */
export const LUNCH = {
  key: 'lunch',
  rank: 1,
  question: 'What could we have for lunch on Friday?',
  options: ['Soup', 'A large salad', 'Pizza', 'Rice and beans', 'Sandwiches'].map((label, index) => ({
    key: 'abcde'[index]!,
    label,
  })),
  choices: { min: 1, max: 3 },
};

const SENTENCES = [
  'Together we are strong',
  'A summer under the stars, with songs by the fire and stories that nobody has heard before, until the last of us is asleep',
  'Plus loin, plus haut, plus fous que jamais : l’été n’attend pas',
  'نحن معًا أقوى من أي وقت مضى',
  'השמש זורחת על כולנו',
  '一起去山里看星星吧',
  'みんなで歌おう、夏の夜に',
  'Лето не ждёт: вперёд!',
  'Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen',
  'Ανέβα στο βουνό και κοίτα πίσω',
];

/** As many options as a poll may have, long and short ones, of many scripts. */
export const LONG_LABELS = Array.from({ length: 30 }, (_, index) =>
  index < 10 ? SENTENCES[index]! : `${SENTENCES[index % 10]} (${index + 1})`,
);
