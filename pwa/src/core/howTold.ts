/**
 * How a person is told: the form of their quiet hours and language, what is wrong with it, and what is sent.
 * Pure. The order of the channels is no part of the form: it goes back to the server as it came.
 */
import type { Answer, Body } from './contract'

export type Settings = Answer<'get', '/notification-settings'>
export type Choice = Body<'put', '/notification-settings'>
export type Hours = Settings['quiet']

/** What is filled in. The times are kept while the street's hours are chosen, so that going back loses nothing. */
export interface Filled {
  own: boolean
  from: string
  until: string
  language: Settings['language']
}

export type Fault = 'missing' | 'same' | 'short' | 'long'

const DAY_MINUTES = 24 * 60
/** Nobody sleeps so long: more likely morning and evening were mixed up. */
const LONG_MINUTES = 14 * 60
/** Longer than this the server refuses, unless the street's own hours are as long. */
const MOST_MINUTES = 18 * 60

const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5))
const minutesBetween = (from: string, until: string): number =>
  (minuteOf(until) - minuteOf(from) + DAY_MINUTES) % DAY_MINUTES

/** The form as the server's answer fills it. Hours like the street's are the street's. */
export function filledFrom({ quiet, street_quiet, language }: Settings): Filled {
  const own = quiet.from !== street_quiet.from || quiet.until !== street_quiet.until
  return { own, from: quiet.from, until: quiet.until, language }
}

/** How long the hours are; none where they begin and end at once. */
export function quietMinutes({ from, until }: Hours): number {
  return minutesBetween(from, until)
}

/** True where the hours end on the day after they began. */
export function overMidnight({ from, until }: Hours): boolean {
  return minuteOf(until) < minuteOf(from)
}

/** True where the hours leave so little of a day that they are probably not meant. */
export function suspiciouslyLong(hours: Hours): boolean {
  return quietMinutes(hours) > LONG_MINUTES
}

/** The same rule as the server's: every quiet minute of the street is quiet for the person, too. */
function contains(own: Hours, street: Hours): boolean {
  const length = quietMinutes(street)
  return length === 0 || minutesBetween(own.from, street.from) + length <= quietMinutes(own)
}

/** What keeps the form from being saved; null where nothing does. */
export function faultOf(filled: Filled, street: Hours): Fault | null {
  if (!filled.own) return null
  if (filled.from === '' || filled.until === '') return 'missing'
  if (filled.from === filled.until) return 'same'
  if (quietMinutes(filled) > Math.max(MOST_MINUTES, quietMinutes(street))) return 'long'
  return contains(filled, street) ? null : 'short'
}

/** What is sent. Without own hours the street's are followed, whatever they become. */
export function choiceOf(filled: Filled, { channel_order }: Settings): Choice {
  return {
    channel_order: channel_order as Choice['channel_order'], // the server takes what it gave
    language: filled.language,
    quiet: filled.own ? { from: filled.from, until: filled.until } : null,
  }
}

/** True where saving would change something. */
export function isChanged(filled: Filled, settings: Settings): boolean {
  const sent = (one: Filled) => JSON.stringify(choiceOf(one, settings))
  return sent(filled) !== sent(filledFrom(settings))
}
