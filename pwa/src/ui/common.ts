/** Words that all apps share: problems, reasons, roles, causes of gaps. */
import { durationPhrase } from '@/core/format'
import { overMidnight, quietMinutes, type Hours } from '@/core/howTold'
import { ApiProblem, Unreachable } from '@/core/http'
import en from '@/messages/common.en.json'
import zh from '@/messages/common.zh.json'

import { words } from './language'

export type CommonKey = keyof typeof zh

export const common = words<CommonKey>(zh, en)

function has(key: string): key is CommonKey {
  return key in zh
}

/** What a problem means and what to do; *slug* is the last part of its type. */
export function problemWords(slug: string): string {
  const key = `problem.${slug.replace(/^.*\//, '')}`
  return has(key) ? common(key) : common('problem.unknown', { slug })
}

/** Plain words for any error that a call can throw. */
export function errorWords(error: unknown): string {
  if (error instanceof ApiProblem) return problemWords(error.slug)
  if (error instanceof Unreachable) return common('error.unreachable')
  return common('error.unexpected', { text: error instanceof Error ? error.message : String(error) })
}

/** One reason for doubt in a few words. */
export function reasonWords(code: string): string {
  const key = `reason.${code}`
  return has(key) ? common(key) : code
}

/** What the person can do about a reason. */
export function reasonAdvice(code: string): string {
  const key = `advice.${code}`
  return has(key) ? common(key) : ''
}

/** The cause of a gap in a track. */
export function gapWords(cause: string): string {
  const key = `gap.${cause}`
  return has(key) ? common(key) : cause
}

/** The name of a role. */
export function roleWords(role: string): string {
  const key = `role.${role}`
  return has(key) ? common(key) : role
}

/** The grade of a proof. */
export function gradeWords(grade: string): string {
  const key = `grade.${grade}`
  return has(key) ? common(key) : grade
}

/** The state of a review. */
export function reviewWords(state: string): string {
  const key = `review.${state}`
  return has(key) ? common(key) : state
}

/** The state of a round. */
export function roundWords(state: string): string {
  const key = `round.${state}`
  return has(key) ? common(key) : state
}

/** Why a stop was skipped. */
export function skipWords(reason: string): string {
  const key = `skip.${reason}`
  return has(key) ? common(key) : reason
}

/** Quiet hours: 12:00–13:00, or 22:00 to the next day 07:00. */
export function hoursWords(hours: Hours): string {
  if (quietMinutes(hours) === 0) return common('telling.no_hours')
  const { from, until } = hours
  return common(overMidnight(hours) ? 'telling.overnight' : 'telling.hours', { from, until })
}

/** How long quiet hours are: 9 hours, 10 hours 30 minutes. */
export function quietLengthWords(hours: Hours): string {
  const minutes = quietMinutes(hours)
  if (minutes >= 60 && minutes % 60 === 0) return common('duration.whole_hours', { h: minutes / 60 })
  const { key, values } = durationPhrase(minutes * 60_000)
  return common(key, values)
}
