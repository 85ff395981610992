/** What a report says, from its form. Pure. */
import type { CaseClass } from '@/core/caseTypes'
import type { DraftPhoto } from '@/core/db'
import type { LatLon } from '@/core/geo'
import type { Fix } from '@/core/proof'

export interface ReportFields extends Record<string, unknown> {
  fixed: boolean
  class_key: string
  condition: number | null
  measured: string
  text: string
  address: string
  pin: LatLon | null
  spot: Fix | null // a position asked for once, off duty
}

export const EMPTY_REPORT: ReportFields = {
  ...{ fixed: false, class_key: '', condition: null, measured: '', text: '', address: '', pin: null, spot: null },
}

/** The sharpest position of the photos, which is where the problem is; else one asked for. */
export function fixOf(fields: Pick<ReportFields, 'spot'>, photos: readonly DraftPhoto[]): Fix | null {
  const fixes = photos.map((photo) => photo.fix).filter((fix): fix is Fix => fix !== null)
  return fixes.sort((a, b) => a.acc - b.acc)[0] ?? fields.spot
}

/** Where the report is, or null where nobody knows. `here` is where the phone is now. */
export function spotOf(fields: ReportFields, photos: readonly DraftPhoto[], here: Fix | null): (LatLon & { acc?: number }) | null {
  return fields.pin ?? fixOf(fields, photos) ?? here
}

/** What is still missing before the form can be sent, the first thing first. */
export type Missing = 'photo' | 'before' | 'after' | 'class' | 'condition' | 'number'

export function missingIn(fields: ReportFields, photos: readonly DraftPhoto[], entry: CaseClass | null): Missing | null {
  const has = (role: string) => photos.some((photo) => photo.role === role)
  if (fields.fixed && !has('before')) return 'before'
  if (fields.fixed && !has('after')) return 'after'
  if (!has('before')) return 'photo'
  if (!entry) return 'class'
  const condition = entry.conditions.find((one) => one.ordinal === fields.condition)
  if (entry.conditions.length > 0 && !condition) return 'condition'
  const value = fields.measured.trim()
  if (condition && condition.comparison !== 'any' && !(value !== '' && Number(value) >= 0 && Number(value) <= 1_000_000)) return 'number'
  return null
}

/** The photos that go with the form: those after only where it was put right at once. */
export function photosOf(fields: ReportFields, photos: readonly DraftPhoto[]): DraftPhoto[] {
  return photos.filter((photo) => photo.role === 'before' || (fields.fixed && photo.role === 'after'))
}

/** Photos as an entry names them. */
export function photoBodies(photos: readonly DraftPhoto[]): Record<string, unknown>[] {
  return photos.map(({ sha256, role, at, fix }) => ({ sha256, role, at, fix }))
}

const MOST_WORDS = 1000

/** What somebody who joins a case has found, in words: the case keeps the condition of its first report. */
export function joinText(fields: ReportFields, entry: CaseClass | null): string {
  const condition = entry?.conditions.find((one) => one.ordinal === fields.condition)
  const value = fields.measured.trim()
  const measured = condition && condition.comparison !== 'any' && value !== '' ? `：${value} ${condition.measure_unit}` : ''
  const found = condition ? `${condition.text}${measured}` : ''
  return [found, fields.text.trim()].filter((one) => one !== '').join('。').slice(0, MOST_WORDS)
}

export function reportBody(fields: ReportFields, photos: readonly DraftPhoto[], about: { catalogue: number; shift: string | null; here: Fix | null }): Record<string, unknown> {
  const body: Record<string, unknown> = {
    class: fields.class_key,
    catalogue: about.catalogue,
    text: fields.text.trim(),
    address: fields.address.trim(),
    shift: about.shift,
    fix: fixOf(fields, photos) ?? about.here,
    photos: photoBodies(photosOf(fields, photos)),
    fixed_on_spot: fields.fixed,
  }
  if (fields.condition !== null) body.condition = fields.condition
  if (fields.condition !== null && fields.measured.trim() !== '') body.measured = Number(fields.measured)
  if (fields.pin) body.pin = { ...fields.pin, datum: 'wgs84' }
  return body
}
