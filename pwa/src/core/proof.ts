/**
 * Warnings before a check-in: what the server's grading would doubt, said while something can still be
 * done about it. The same limits as `app/evidence/rules.py`; `tests/vectors/proof_warnings.json` holds
 * both to the same answers. A warning never stops a check-in.
 */
import { distanceM, inChina, type LatLon } from './geo'

export const ACCURACY_M = 50
export const TAGGED_ACCURACY_M = 200
export const FIX_AGE_S = 60
export const WINDOW_SLACK_S = 300

/** A position as it goes into an entry. */
export interface Fix {
  at: string
  lat: number
  lon: number
  acc: number
  datum: 'wgs84'
  src: 'gnss'
  speed?: number
  heading?: number
}

export interface Spot extends LatLon {
  radius_m: number
}

export interface Attempt {
  fix: Pick<Fix, 'at' | 'lat' | 'lon' | 'acc'> | null
  at: Date
  window_starts_at: string
  window_ends_at: string
  tag: boolean // a tag was scanned; whether it is the right one only the server knows
}

export type Warning = 'no_fix' | 'outside_china' | 'outside_radius' | 'poor_accuracy' | 'stale_fix' | 'out_of_window'

/** What would be doubted, in the order in which the server names it. */
export function warnings(spot: Spot, attempt: Attempt): Warning[] {
  const found: Warning[] = attempt.fix ? fixWarnings(spot, attempt, attempt.fix) : ['no_fix']
  const at = attempt.at.getTime()
  const slack = WINDOW_SLACK_S * 1000
  const early = at < Date.parse(attempt.window_starts_at) - slack
  if (early || at > Date.parse(attempt.window_ends_at) + slack) found.push('out_of_window')
  return found
}

function fixWarnings(spot: Spot, attempt: Attempt, fix: NonNullable<Attempt['fix']>): Warning[] {
  const found: Warning[] = []
  const enough = attempt.tag ? TAGGED_ACCURACY_M : ACCURACY_M
  if (!inChina(fix)) found.push('outside_china')
  // The circle of accuracy counts for the person, as far as it is good enough
  if (distanceM(fix, spot) > spot.radius_m + Math.min(fix.acc, enough)) found.push('outside_radius')
  if (fix.acc > enough) found.push('poor_accuracy')
  if (attempt.at.getTime() - Date.parse(fix.at) > FIX_AGE_S * 1000) found.push('stale_fix')
  return found
}
