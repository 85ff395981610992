/** Lines of a map's legend. */
import { CHECK_IN_LOOKS, STOP_LOOKS, type CheckInLook, type Look } from './looks'
import { mapWords } from './messages'
import type { Lang, StopState } from './types'

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
