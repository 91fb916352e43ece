import type { Language } from '@hbf/page-kit/language';
import { en } from './en.ts';
import { fr } from './fr.ts';

/** Everything that watchers read, in one language. Safe in a browser. */
export type Words = typeof en;

const WORDS: Record<Language, Words> = { en, fr };

export function wordsIn(language: Language): Words {
  return WORDS[language];
}
