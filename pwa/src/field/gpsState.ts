/** What the phone can say of its position. Pure. */
import type { Fix } from '@/core/proof'

export type GpsState = 'off' | 'waiting' | 'good' | 'poor' | 'lost' | 'denied' | 'unsupported'

/** A position older than this says nothing of now; a phone without an answer for so long has no signal. */
export const FRESH_MS = 20_000
export const GOOD_M = 50

/** So long a position may be written down as that of now; the server would call an older one stale. */
export const USABLE_MS = 60_000

/** *fix* while it may still be written down. */
export function usable<Known extends Pick<Fix, 'at'>>(fix: Known | null, now: number): Known | null {
  return fix !== null && now - Date.parse(fix.at) <= USABLE_MS ? fix : null
}

/** How old *fix* is, in whole seconds. */
export function ageS(fix: Pick<Fix, 'at'>, now: number): number {
  return Math.max(0, Math.round((now - Date.parse(fix.at)) / 1000))
}

/** The watch as it stands; times in milliseconds of this phone's clock. */
export interface Watch {
  supported: boolean
  /** When it began; null where nothing is watched. */
  since: number | null
  failure: 'denied' | 'lost' | null
  fix: Pick<Fix, 'at' | 'acc'> | null
}

/** `lag` is how far `now` may be behind, because the screen's clock ticks. */
export function gpsStateOf({ supported, since, failure, fix }: Watch, now: number, lag = 0): GpsState {
  if (!supported) return 'unsupported'
  if (since === null) return 'off'
  if (failure === 'denied') return 'denied'
  if (fix !== null && now - Date.parse(fix.at) < FRESH_MS + lag) return fix.acc <= GOOD_M ? 'good' : 'poor'
  // The first answer of a phone just taken out is often "not available": the search goes on
  if (fix === null && now - since < FRESH_MS) return 'waiting'
  return 'lost'
}
