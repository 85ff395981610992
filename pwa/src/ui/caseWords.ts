/** Words for cases that both apps share. A code that a newer server knows is shown as it is. */
import { dueOf, type Due } from '@/core/deadline'
import { durationPhrase } from '@/core/format'
import en from '@/messages/common.en.json'

import { common, type CommonKey } from './common'

function said(key: string, code: string): string {
  return key in en ? common(key as CommonKey) : code
}

/** The state of a case. */
export const stateWords = (state: string) => said(`case_state.${state}`, state)
/** 点到人, 定到人, 盯到人. */
export const modeWords = (mode: string) => said(`case_mode.${mode}`, mode)
/** Common, key, difficult. */
export const levelWords = (level: string) => said(`case_level.${level}`, level)
/** Where a case came from. */
export const sourceWords = (source: string) => said(`case_source.${source}`, source)
/** What somebody is to a case. */
export const partWords = (part: string) => said(`case_part.${part}`, part)
/** A step that was taken, for timelines. */
export const stepWords = (step: string) => said(`case_step.${step}`, step)
/** A step to take, for buttons. */
export const doWords = (step: string) => said(`case_do.${step}`, step)
/** Why a case was given back. */
export const returnWords = (reason: string) => said(`return_reason.${reason}`, reason)
/** What a photo shows. */
export const photoRoleWords = (role: string) => said(`photo_role.${role}`, role)
/** Whether a photo can be looked at. */
export const photoStateWords = (state: string) => said(`photo_state.${state}`, state)
/** Why a photo deserves a second look. */
export const photoDoubtWords = (doubt: string) => said(`photo_doubt.${doubt}`, doubt)
/** Why a case went to somebody. */
export const whyWords = (why: string) => said(`owner_why.${why}`, why)
/** What was in the way when somebody was chosen. */
export const factWords = (fact: string) => said(`owner_fact.${fact}`, fact)
/** What the owner asks for. */
export const requestWords = (kind: string) => said(`case_request.${kind}`, kind)
/** What was decided on a request. */
export const decisionWords = (decision: string) => said(`decision.${decision}`, decision)
/** What made the rules act. */
export const triggerWords = (trigger: string) => said(`trigger.${trigger}`, trigger)
/** Whether somebody was reached. */
export const reachWords = (state: string) => said(`reach_state.${state}`, state)
/** How somebody is told. */
export const channelWords = (channel: string) => said(`channel.${channel}`, channel)

/** What an event says of its own worth: a value below what files a case, or not taken; who was there by position
 * or by their own word; who looked there or by photos. */
export function howWords({ step, data }: { step: string; data: Record<string, unknown> }): string | null {
  if (step === 'file') return said(`remark.${String(data.remark)}`, '') || null
  if (step === 'arrive') return common(data.by_position === true ? 'arrived_by.position' : 'arrived_by.own_word')
  if (step !== 'verify_pass' && step !== 'verify_fail') return null
  if (data.grade === undefined) return common('checked.photos') // at a desk
  if (typeof data.distance_m !== 'number') return null // a phone that did not know where it was
  const away = Array.isArray(data.reasons) && data.reasons.includes('outside_radius')
  return common(away ? 'checked.away' : 'checked.on_spot')
}

/** That the rules looked for another owner and found none, where an event tells: *who* keeps the case. */
export function keptWords({ data }: { data: Record<string, unknown> }, who: string | null): string | null {
  if (data.replaced !== false) return null
  return who === null ? common('rules.nobody_else') : common('rules.kept', { who })
}

/** An amount in one of the four units of limits. */
export function limitWords(amount: number, unit: string): string {
  // A third of an hour is twenty minutes to everybody
  if (unit === 'urgent_hours' && amount < 1) return common('duration.minutes', { n: Math.round(amount * 60) })
  if (unit === 'work_hours' && amount < 1) return counted('work_minutes', Math.round(amount * 60))
  return `limit_unit.${unit}` in en ? counted(unit, Math.round(amount * 100) / 100) : `${amount} ${unit}`
}

function counted(unit: string, n: number): string {
  return common(`limit_unit.${unit}${n === 1 ? '.one' : ''}` as CommonKey, { n })
}

/** A unit of measurement as one writes it; the catalogue has it without raised figures. */
export function unitWords(unit: string): string {
  return unit.replace(/2$/, '²').replace(/3$/, '³')
}

/** A length of time in words; days from one day on. */
export function lengthWords(milliseconds: number): string {
  const hours = Math.floor(milliseconds / 3_600_000)
  if (hours >= 24) return common('duration.days', { d: Math.floor(hours / 24), h: hours % 24 })
  const { key, values } = durationPhrase(milliseconds)
  return common(key, values)
}

/** Arrived so much later than it was written, an event comes from a phone without a network. */
const OFFLINE_MS = 120_000

/** That an event was written on the phone and came later; null where it came at once. */
export function offlineWords({ at, received_at }: { at: string; received_at: string }): string | null {
  const waited = Date.parse(received_at) - Date.parse(at)
  return waited > OFFLINE_MS ? common('event.offline', { length: lengthWords(waited) }) : null
}

const DUE_KEYS = {
  accept: ['due.accept_left', 'due.accept_just_overdue', 'due.accept_overdue'],
  resolve: ['due.left', 'due.just_overdue', 'due.overdue'],
  verify: ['due.verify_left', 'due.verify_just_overdue', 'due.verify_overdue'],
} as const satisfies Record<string, readonly [CommonKey, CommonKey, CommonKey]>

/** The deadline of a case in words, and whether it has passed; null where nothing is waited for any more. */
export function dueWords(due: Due, now: number): { text: string; late: boolean } | null {
  const found = dueOf(due, now)
  if (found === null) return null
  if (found.kind === 'held') return { text: common('due.held'), late: false }
  if (found.kind === 'none') return { text: common('due.none'), late: false }
  const late = found.kind === 'overdue'
  const [left, justOverdue, overdue] = DUE_KEYS[found.what]
  const passed = found.ms < 60_000 ? justOverdue : overdue // "0 minutes" says nothing
  return { text: common(late ? passed : left, { length: lengthWords(found.ms) }), late }
}
