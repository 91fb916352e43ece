import { PROBLEMS, type ProblemName } from './problems.ts';

/** The titles of problems as pages say them, in each of their languages. Those of the API are in English. */
export const PROBLEM_TITLES: Record<'en' | 'fr', Record<ProblemName, string>> = {
  en: Object.fromEntries(Object.entries(PROBLEMS).map(([name, { title }]) => [name, title])) as Record<
    ProblemName,
    string
  >,
  fr: {
    malformed: 'La requête est mal formée',
    'no-voter': 'Nous ne connaissons pas encore ce navigateur',
    'poll-closed': 'Le vote est clos',
    'poll-not-yet-open': 'Le vote n’est pas encore ouvert',
    'cross-site': 'La requête vient d’un autre site',
    'not-found': 'Il n’y a rien ici',
    'unknown-poll': 'Ce vote n’existe pas',
    'unknown-receipt': 'Ce n’est pas un de nos reçus',
    'too-large': 'La requête est trop grande',
    'unsupported-media-type': 'Ce type de contenu n’est pas compris ici',
    'choices-refused': 'Ces choix ne conviennent pas à ce vote',
    'too-many-requests': 'Trop à la fois',
    internal: 'Quelque chose s’est mal passé chez nous',
    'not-accepted': 'Le bulletin n’a pas été accepté',
    unconfirmed: 'Le bulletin n’a pas pu être confirmé',
    unavailable: 'Pas de réponse possible pour le moment',
  },
};
