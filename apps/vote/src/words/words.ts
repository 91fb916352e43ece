import type { Language } from '@hbf/page-kit/language';
import { en } from './en.ts';
import { fr } from './fr.ts';

/** Everything that voters read, in one language. Safe in a browser. */
export type Words = typeof en;

const WORDS: Record<Language, Words> = { en, fr };

export function wordsIn(language: Language): Words {
  return WORDS[language];
}

/** Something to be said in whichever language it is asked for; a plain string is for programs alone, in English. */
export type Said = string | ((words: Words) => string);

export function sayIn(said: Said, words: Words): string {
  return typeof said === 'string' ? said : said(words);
}
