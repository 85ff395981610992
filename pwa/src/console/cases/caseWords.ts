/** Sentences about cases that only the console says. */
import { decisionWords, doWords, limitWords } from '@/ui/caseWords'
import { named } from '@/ui/language'

import { now, personName } from '../shared'
import { day, t } from '../words'
import type { Action } from './steps'
import type { CaseCard, CaseDetail, CaseRequest, CaseState } from './types'

/** A person of the API by name. */
export function personWords(person: { display_name: string; display_name_en: string }): string {
  return named(person.display_name, person.display_name_en)
}

/** That a case lies somewhere in a circle, for one whose position is vague. */
export function vagueWords(found: Pick<CaseCard, 'accuracy_m'>): string {
  return t('case.vague', { n: Math.round(found.accuracy_m) })
}

/** The class of the chip that a state stands in. */
export function stateTone(state: CaseState): string {
  switch (state) {
    case 'open':
    case 'dispatched':
    case 'returned':
      return 'doubt'
    case 'acknowledged':
    case 'on_scene':
    case 'resolved':
    case 'verified':
      return 'started'
    case 'closed':
      return 'finished'
    default:
      return ''
  }
}

/** In whose hands a case is, and whether they have taken it. */
export function ownerWords(card: Pick<CaseCard, 'owner' | 'state'>): string {
  if (card.owner === null) return card.state === 'open' || card.state === 'returned' ? t('case.no_owner') : ''
  const who = personWords(card.owner)
  return card.state === 'dispatched' ? t('case.owner_waits', { who }) : who
}

/** The name behind an id in the data of an event; ids of people out of reach have none. */
export function whoWords(id: unknown, known: ReadonlyMap<string, string>): string {
  if (typeof id !== 'string') return t('feed.somebody')
  return known.get(id) ?? personName(id) ?? t('feed.somebody')
}

/** What a button and its form are called. */
export function actionWords(action: Action, found: Pick<CaseDetail, 'state'>): string {
  switch (action) {
    case 'dispatch':
      return found.state === 'open' ? doWords('dispatch') : t('action.dispatch_anew')
    case 'verify':
      return t('action.verify')
    default:
      return doWords(action)
  }
}

/** What will happen; stands above the form. */
export function explainWords(action: Action, found: CaseDetail, request: CaseRequest | null): string {
  if (action === 'decide' && request !== null) return requestSentence(request, found)
  return t(`explain.${action}`)
}

export function verdictWords(action: Action, yes: boolean): string {
  if (action === 'decide') return decisionWords(yes ? 'granted' : 'denied')
  return doWords(yes ? 'verify_pass' : 'verify_fail')
}

/** A request for a hold or more time in a sentence. */
export function requestSentence(request: CaseRequest, found: Pick<CaseDetail, 'resolve_limit'>): string {
  const who = personWords(request.asked_by)
  if (request.kind === 'hold') {
    const until = request.until === null ? t('why.unknown_figure') : day(request.until, now.value)
    return t('request.hold', { who, day: until, reason: request.reason })
  }
  const amount = limitWords(request.amount ?? 0, found.resolve_limit.unit)
  return t('request.extension', { who, amount, reason: request.reason })
}
