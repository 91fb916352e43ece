import { PROBLEM_TITLES } from '@hbf/contracts/problem-titles';
import { createWriting } from '@hbf/page-kit/writing';
import type { Words } from './words.ts';

const writing = createWriting('fr-FR');

const votes = (count: number) => writing.count(count, 'voix', 'voix');
const voters = (count: number) => writing.count(count, 'votant', 'votants');

/** Everything that a watcher reads in French. */
export const fr: Words = {
  writing,
  tagline: 'Un vote en direct digne de confiance : un bulletin accepté est compté une fois et une seule.',
  language: 'Langue',

  results: 'Résultats',
  votes,
  voters,
  noBallotsYet: 'Pas encore de bulletin',
  noBallotsCast: 'Aucun bulletin n’a été déposé',

  leads: (label, by) => [`En tête, avec ${votes(by)} d’avance : `, { strong: label }],
  outcome: (label) => ['Arrive en tête : ', { strong: label }],
  nobodyLeads: 'Personne n’est en tête pour l’instant',
  noOutcome: 'Pas d’issue : personne n’a voté',
  tie: (labels) => ['Égalité : ', ...writing.list(labels)],

  hidden: {
    untilCertain: 'Les voix seront montrées dès qu’il sera certain qu’aucun bulletin n’est plus accepté.',
    untilClose: (time) => ['Les voix seront montrées à la clôture : ', { time }],
    untilClosed: 'Les voix seront montrées à la clôture',
  },

  freshness: {
    final: 'Définitif : chaque bulletin est compté',
    onTheirWay: (count) => `${writing.count(count, 'bulletin', 'bulletins')} en route`,
    kept: 'Les bulletins acceptés seront comptés.',
    notStarted: 'Le décompte n’a pas encore commencé',
    notFullyStarted: 'Le décompte n’a pas encore commencé partout',
    stoppedSince: (time) => ['Le décompte est arrêté, dernière nouvelle : ', { time }],
    behind: 'Le décompte a du retard',
    notOpen: 'Le vote n’est pas encore ouvert',
    closed: 'Le vote est clos',
    completing: 'Le vote est clos : le décompte s’achève',
    live: 'En direct',
    waiting: 'En direct : en attente du premier bulletin',
    and: (state, more) => `${state} : ${more}`,
    silent: (seconds) =>
      `Aucune nouvelle du serveur depuis ${seconds < 90 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`} : ce que vous voyez est peut-être ancien`,
    unattended: 'Cette page ne bouge pas d’elle-même ici. Rechargez-la pour voir où en est le vote.',
  },

  times: {
    opens: (time) => ['Ouverture : ', { time }],
    closes: (time) => ['Clôture : ', { time }],
    closed: (time) => ['Clos : ', { time }],
    isClosed: 'Le vote est clos',
  },

  vote: 'Voter',
  toVotePage: 'Aller à la page du vote',

  table: { option: 'Réponse', votes: 'Voix', share: 'Part des votants', hidden: 'pas encore montré' },
  overTime: 'Participation au fil du temps',
  overTimeSays: (from, to, count) => `Participation au fil du temps, ${from} – ${to} : ${voters(count)}`,

  projector: 'Mode projection',
  leave: 'Quitter',
  fullScreen: 'Plein écran',
  theme: 'Clair ou sombre',
  previous: 'Vote précédent',
  next: 'Vote suivant',
  keysOn: 'Raccourcis : oui',
  keysOff: 'Raccourcis : non',
  scan: 'Scannez pour voter',
  qr: (address) => `Code QR de l’adresse ${address}`,
  thisMachine:
    'Cette page a été ouverte sur l’ordinateur même, à une adresse qu’aucun téléphone ne peut joindre. Les téléphones du même réseau votent à l’adresse :',
  thisMachineAlone:
    'Cette page a été ouverte sur l’ordinateur même, à une adresse qu’aucun téléphone ne peut joindre. Ouvrez-la par le nom ou l’adresse que l’ordinateur a dans votre réseau.',
  noAddress: 'L’adresse pour voter n’est pas connue ici.',

  otherPolls: 'Autres votes',
  allPolls: 'Tous les résultats',
  phases: { scheduled: 'pas encore ouvert', open: 'ouvert', closed: 'clos', final: 'définitif' },
  toResults: 'Résultats',
  resultsOf: (question) => `Résultats : ${question}`,

  receipt: 'Reçu',
  receiptSays: 'Un reçu ne dit jamais ce qui a été choisi.',
  receipts: {
    queued: {
      title: 'Votre bulletin est en route',
      text: () =>
        'Il a été accepté et il est gardé en sécurité. Il sera compté dans un instant ; cette page se met à jour toute seule.',
    },
    counted: { title: 'Votre bulletin est compté', text: () => 'Il est dans le décompte, une fois.' },
    superseded: {
      title: 'Vous avez déposé un bulletin plus récent',
      text: () =>
        'Ce bulletin plus récent a remplacé celui-ci : chaque votant compte une fois, et le dernier bulletin l’emporte.',
    },
    rejected: {
      title: 'Votre bulletin n’a pas pu être enregistré',
      text: (reason) =>
        `Il a été accepté, puis rejeté, et il est gardé avec la raison : ${reason ?? 'inconnue'}.`,
    },
    lost: {
      title: 'Votre bulletin a été perdu',
      text: () =>
        'Il a été accepté, mais il avait disparu au moment de le compter. Votez à nouveau si le vote est encore ouvert, et prévenez son organisateur.',
    },
  },

  problems: PROBLEM_TITLES.fr,
  messages: {
    unknownPoll: 'Vérifiez l’adresse, ou consultez la liste des votes.',
    unknownReceipt: 'Vérifiez que vous avez copié le reçu en entier.',
    noTallyYet: 'Il n’y a pas encore de décompte à montrer. Cette page réessaie toute seule.',
    noReceiptNow:
      'Nous ne pouvons pas retrouver votre bulletin pour le moment. Cette page réessaie toute seule.',
    nothingHere: 'Vérifiez l’adresse.',
    failed: 'La panne a été notée. Réessayez.',
  },
};
