/** Lines of a map's legend. */
import { CASE_LOOKS, CHECK_IN_LOOKS, STOP_LOOKS, type CheckInLook, type Look } from './looks'
import { mapWords } from './messages'
import type { CaseLook, Lang, StopState } from './types'

export interface LegendItem {
  look: Look
  text: string
}

/** The marks of check-ins, in the order in which one reads them. */
export function checkInLegend(lang: Lang): LegendItem[] {
  const order: CheckInLook[] = ['verified', 'pending', 'answered', 'accepted', 'rejected']
  return order.map((look) => ({ look: CHECK_IN_LOOKS[look], text: mapWords(lang).looks[look] }))
}

/** The marks of a round's stops. */
export function stopLegend(lang: Lang): LegendItem[] {
  const order: StopState[] = ['todo', 'visited', 'doubtful', 'skipped']
  return order.map((state) => ({ look: STOP_LOOKS[state], text: mapWords(lang).stops[state] }))
}

/** The marks of live cases, the most pressing first, or of those that are over. */
export function caseLegend(lang: Lang, view: 'live' | 'ended' = 'live'): LegendItem[] {
  const order: CaseLook[] = view === 'live' ? ['late', 'waiting', 'working', 'checking', 'held'] : ['ended', 'dropped']
  return order.map((look) => ({ look: CASE_LOOKS[look], text: mapWords(lang).cases[look] }))
}
