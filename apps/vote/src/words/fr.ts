import { PROBLEM_TITLES } from '@hbf/contracts/problem-titles';
import { createWriting } from '@hbf/page-kit/writing';
import type { Words } from './words.ts';

const writing = createWriting('fr-FR');

function seconds(count: number): string {
  return count <= 90 ? writing.count(count, 'seconde', 'secondes') : `${Math.ceil(count / 60)} minutes`;
}

const NOT_ACCEPTED = 'Le bulletin n’a pas été accepté et ne compte pas.';

/** Everything that a voter reads in French. */
export const fr: Words = {
  writing,
  tagline: 'Un vote en direct digne de confiance : un bulletin accepté est compté une fois et une seule.',
  language: 'Langue',

  choose({ min, max }, options) {
    if (max === 1) return 'Choisissez une réponse';
    if (min === max) return `Choisissez ${min} réponses`;
    if (min > 1) return `Choisissez de ${min} à ${max} réponses`;
    return max === options
      ? 'Choisissez autant de réponses que vous voulez'
      : `Choisissez jusqu’à ${max} réponses`;
  },
  oneTap: {
    browser: 'Touchez une réponse : c’est voté. Vous pourrez changer d’avis.',
    open: 'Touchez une réponse : c’est voté.',
  },
  vote: 'Voter',
  chosen: (count, max) => `${writing.count(count, 'choix', 'choix')} sur ${max}`,
  yourChoice: 'votre choix',
  tryAgain: 'Réessayer',
  changeVote: 'Changer mon vote',
  castAnother: 'Déposer un autre bulletin',

  accepted: 'Votre bulletin est accepté',
  youChose: (labels) => ['Vous avez choisi ', ...writing.list(labels), '.'],
  safe: 'Nous l’avons bien enregistré.',
  seeWhere: 'Voir où il en est',
  states: {
    queued: 'Nous l’avons bien enregistré ; il sera compté.',
    counted: 'Il est compté.',
    superseded: 'Vous avez déposé un bulletin plus récent, qui le remplace.',
    rejected: 'Il n’a pas pu être compté. Votre reçu dit pourquoi.',
    lost: 'Il a été perdu après avoir été accepté. Votre reçu en dit plus.',
  },
  receipt: 'Votre reçu',
  receiptSays:
    'Il montre si votre bulletin compte, jamais ce que vous avez choisi. Gardez-le si vous voulez.',
  lookUp: 'Consulter le reçu',
  copy: 'Copier',
  copied: 'Copié',
  watch: 'Suivre le résultat',

  closedTitle: 'Ce vote est clos',
  closedSince: (time) => ['Clôture : ', { time }, { line: 'Les bulletins ne sont plus acceptés.' }],
  closedNow: 'Les bulletins ne sont plus acceptés.',
  scheduledTitle: 'Ce vote n’est pas encore ouvert',
  opensAt: (time) => ['Ouverture : ', { time }, { line: 'Vous choisirez alors parmi ces réponses :' }],
  opensIn: 'Ouverture du vote dans',
  closesAt: (time) => ['Clôture : ', { time }],
  closesIn: 'Clôture du vote dans',
  hiddenUntilClose: 'Les voix seront montrées après la clôture.',

  eligibility: {
    browser: {
      rule: 'Un vote par navigateur.',
      limits:
        'Un cookie signé distingue les navigateurs ; votre dernier bulletin compte. Cela n’arrête pas quelqu’un qui vote à nouveau avec un autre navigateur, un autre appareil ou une fenêtre privée.',
    },
    open: {
      rule: 'Ouvert à tous, autant de fois qu’on veut.',
      limits:
        'Personne n’est reconnu : chaque bulletin compte comme celui d’un autre votant. Cela n’empêche pas une personne de voter plusieurs fois ; prenez le résultat comme un vote à main levée.',
    },
  },

  otherPolls: 'Autres votes',
  allPolls: 'Tous les votes',
  phases: { scheduled: 'pas encore ouvert', open: 'ouvert', closed: 'clos' },
  firstPoll: 'Aller au premier vote',
  thisPoll: 'Aller à la page du vote',

  noAnswerTitle: 'Nous n’avons pas pu confirmer votre bulletin',
  noAnswer:
    'Aucune réponse n’est arrivée : la connexion est peut-être coupée. Renvoyez votre choix ; il ne peut pas compter deux fois.',

  problems: PROBLEM_TITLES.fr,
  refusals: {
    closed: 'Ce vote est clos : le bulletin n’a pas été accepté et ne compte pas.',
    notYetOpen: 'Ce vote n’est pas encore ouvert : le bulletin n’a pas été accepté et ne compte pas.',
    notAccepted: `${NOT_ACCEPTED} Réessayez dans un instant.`,
    unconfirmed:
      'Nous n’avons pas pu confirmer votre bulletin. Réessayez ; il ne peut pas compter deux fois.',
    unconfirmedWithoutKey:
      'Nous n’avons pas pu confirmer votre bulletin : il compte peut-être. Il est venu sans Idempotency-Key ; un second essai serait le bulletin d’un autre votant.',
    mayCount:
      'Nous n’avons pas pu confirmer votre bulletin : il compte peut-être. Réessayez ; il ne peut pas compter deux fois.',
    unknownChoice: 'Ce vote n’a pas l’une des réponses choisies. Choisissez parmi celles qu’il montre.',
    repeatedChoice: 'Une réponse a été choisie deux fois. Choisissez chacune au plus une fois.',
    tooFew: (min) =>
      min === 1 ? 'Rien n’a été choisi. Choisissez une réponse.' : `Choisissez au moins ${min} réponses.`,
    tooMany: (max) => (max === 1 ? 'Choisissez une seule réponse.' : `Choisissez au plus ${max} réponses.`),
    voterTooFast: (wait, withinHour) =>
      `Vous avez voté de nombreuses fois en ${withinHour ? 'une heure' : 'une minute'}. ${NOT_ACCEPTED} Réessayez dans ${seconds(wait)}.`,
    networkTooFast: (wait) =>
      `De très nombreux bulletins viennent d’arriver du réseau où vous êtes, de vous ou d’autres. ${NOT_ACCEPTED} Réessayez dans ${seconds(wait)}.`,
    unknownPoll: 'Aucun vote n’a cette clé. Vérifiez l’adresse.',
    unavailable:
      'Les votes ne sont pas encore connus ici : le service démarre, ou son stockage est indisponible. Réessayez dans un instant.',
    otherSite:
      'Le bulletin a été envoyé par la page d’un autre site et n’a pas été accepté. Votez sur la page de ce site.',
    noVoter:
      'Ce vote compte un bulletin par navigateur et le reconnaît à un cookie donné avec la page. ' +
      'Ouvrez la page, acceptez son cookie et votez là. Rien n’a été compté.',
    notOurForm: 'Le formulaire n’est pas tel que cette page l’a fait. Rouvrez la page.',
    nothingHere: 'Il n’y a rien à cette adresse.',
    tooLarge: 'La requête dépasse 4096 octets, plus qu’il n’en faut à un bulletin.',
    wrongType: 'Le type de contenu doit être celui de cette adresse, en UTF-8 et sans compression.',
    unreadable: 'La requête est illisible. Vérifiez comment elle est écrite.',
    internal: (requestId) => `Si cela continue, donnez ce numéro à l’organisateur : ${requestId}`,
  },
};
