/** What the form of each step asks for, and what entry it becomes. Pure. */
import type { DraftPhoto } from '@/core/db'
import { streetDay } from '@/core/format'
import type { Step } from '@/core/life'
import type { Kind } from '@/core/log'

import type { FieldKey } from '../words'

export const RETURN_REASONS = ['not_ours', 'wrong_place', 'not_found', 'beyond_means', 'other'] as const

export interface StepFields extends Record<string, unknown> {
  reason: string
  text: string
  amount: string
  until: string
}

export interface StepForm {
  text: 'needed' | 'optional'
  photos: { role: DraftPhoto['role']; needed: boolean } | null
  help?: FieldKey
}

export const STEP_FORMS: Partial<Record<Step, StepForm>> = {
  return: { text: 'needed', photos: null, help: 'step.return_help' },
  resolve: { text: 'optional', photos: { role: 'after', needed: true } },
  verify_pass: { text: 'optional', photos: { role: 'verify', needed: false }, help: 'step.verify_pass_help' },
  verify_fail: { text: 'needed', photos: { role: 'verify', needed: false }, help: 'step.verify_fail_help' },
  note: { text: 'needed', photos: { role: 'note', needed: false } },
  ask_hold: { text: 'needed', photos: null, help: 'step.hold_help' },
  ask_extension: { text: 'needed', photos: null, help: 'step.extension_help' },
  resume: { text: 'optional', photos: null },
  co_done: { text: 'needed', photos: { role: 'note', needed: false } },
}

export const KIND_OF: Partial<Record<Step, Kind>> = {
  accept: 'case_accepted',
  return: 'case_returned',
  arrive: 'case_arrived',
  resolve: 'case_resolved',
  verify_pass: 'case_verified',
  verify_fail: 'case_verified',
  note: 'case_noted',
  ask_hold: 'case_hold_asked',
  ask_extension: 'case_extension_asked',
  resume: 'case_resumed',
  co_done: 'case_co_done',
}

const MIN_TEXT = 2
const MOST_EXTENSION = 200

/** True where the server would take the form as it is filled in. */
export function stepReady(step: Step, fields: StepFields, photos: number): boolean {
  const shape = STEP_FORMS[step]
  if (!shape) return false
  if (shape.text === 'needed' && fields.text.trim().length < MIN_TEXT) return false
  if (shape.photos?.needed && photos === 0) return false
  if (step === 'return') return fields.reason !== ''
  if (step === 'ask_hold') return fields.until !== ''
  if (step === 'ask_extension') return Number(fields.amount) >= 0.5 && Number(fields.amount) <= MOST_EXTENSION
  return true
}

/** The body of the entry. *near* is the proof of being there, for the steps that carry one. */
export function stepBody(step: Step, about: string, fields: StepFields, photos: Record<string, unknown>[], near: { shift: string | null; fix: unknown }): Record<string, unknown> {
  const text = fields.text.trim()
  const body: Record<string, unknown> = { case: about, text }
  switch (step) {
    case 'return':
      return { ...body, reason: fields.reason }
    case 'resolve':
      return { ...body, ...near, photos }
    case 'verify_pass':
    case 'verify_fail':
      return { ...body, ...near, photos, passed: step === 'verify_pass' }
    case 'ask_hold':
      return { ...body, until: fields.until }
    case 'ask_extension':
      return { ...body, amount: Number(fields.amount) }
    case 'note':
    case 'co_done':
      return { ...body, photos }
    default:
      return body
  }
}

/** The unit in which more time for the case is counted. */
export function unitOf(deadline: unknown): string {
  return (deadline as { limit?: { unit?: string } } | null)?.limit?.unit ?? 'work_hours'
}

const DAY_MS = 86_400_000
const HOLD_DAYS = [1, 2, 3, 7, 14]

/** Mornings to which a hold may last, nine o'clock on the street. */
export function dayTimes(now: Date): { at: string; key: FieldKey; values: Record<string, number> }[] {
  return HOLD_DAYS.map((days) => {
    const day = streetDay(new Date(now.getTime() + days * DAY_MS))
    const [, month = 0, date = 0] = day.split('-').map(Number)
    return { at: new Date(`${day}T09:00:00+08:00`).toISOString(), key: days === 1 ? ('step.until_tomorrow' as const) : ('step.until_day' as const), values: { days, month, day: date } }
  })
}
