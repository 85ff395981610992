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

/** The marks of cases, the most pressing first. */
export function caseLegend(lang: Lang): LegendItem[] {
  const order: CaseLook[] = ['late', 'waiting', 'working', 'checking', 'held']
  return order.map((look) => ({ look: CASE_LOOKS[look], text: mapWords(lang).cases[look] }))
}
