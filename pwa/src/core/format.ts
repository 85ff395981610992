/**
 * Times and distances for people. All days and clock times are those of the street (Asia/Shanghai),
 * whatever the phone's own time zone says. Gives keys and values of messages, never words.
 */

export const STREET_TIME_ZONE = 'Asia/Shanghai'

export interface Phrase<Key extends string> {
  key: Key
  values: Record<string, string | number>
}

const parts = new Intl.DateTimeFormat('en-CA', {
  timeZone: STREET_TIME_ZONE,
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})

function split(moment: Date): Record<string, string> {
  return Object.fromEntries(parts.formatToParts(moment).map((part) => [part.type, part.value]))
}

/** The day of *moment* on the street, as 2026-11-23. */
export function streetDay(moment: Date): string {
  const { year, month, day } = split(moment)
  return `${year}-${month}-${day}`
}

/** 09:05 on the street. */
export function clockTime(moment: Date): string {
  const { hour, minute } = split(moment)
  return `${hour}:${minute}`
}

/** 09:05:07 on the street. */
export function clockSeconds(moment: Date): string {
  return `${clockTime(moment)}:${split(moment).second}`
}

const DAY_MS = 86_400_000

/** A moment as people say it: just now, 5 minutes ago, today 09:05, yesterday 18:30, 23 November 07:00. */
export function momentPhrase(
  moment: Date,
  now: Date,
): Phrase<'time.now' | 'time.minutes_ago' | 'time.today' | 'time.yesterday' | 'time.tomorrow' | 'time.day'> {
  const passed = now.getTime() - moment.getTime()
  const minutes = Math.floor(passed / 60_000)
  if (Math.abs(passed) < 60_000) return { key: 'time.now', values: {} } // the screen's clock may lag a little
  if (minutes > 0 && minutes < 60) return { key: 'time.minutes_ago', values: { n: minutes } }
  return dayPhrase(moment, now)
}

/** A moment by day and clock: today 09:05, yesterday 18:30, tomorrow 09:00, 23 November 07:00. */
export function dayPhrase(moment: Date, now: Date): Phrase<'time.today' | 'time.yesterday' | 'time.tomorrow' | 'time.day'> {
  const time = clockTime(moment)
  const on = streetDay(moment)
  if (on === streetDay(now)) return { key: 'time.today', values: { time } }
  if (on === streetDay(new Date(now.getTime() - DAY_MS))) return { key: 'time.yesterday', values: { time } }
  if (on === streetDay(new Date(now.getTime() + DAY_MS))) return { key: 'time.tomorrow', values: { time } }
  const { month, day } = split(moment)
  return { key: 'time.day', values: { month: Number(month), day: Number(day), time } }
}

/** A distance, no more exact than it is: 35 m, 480 m, 1.2 km. */
export function distancePhrase(metres: number): Phrase<'distance.metres' | 'distance.kilometres'> {
  if (metres < 100) return { key: 'distance.metres', values: { n: Math.round(metres) } }
  if (metres < 995) return { key: 'distance.metres', values: { n: Math.round(metres / 10) * 10 } }
  return { key: 'distance.kilometres', values: { n: (metres / 1000).toFixed(1) } }
}

/** A length of time: 25 min, 3 h 5 min. */
export function durationPhrase(milliseconds: number): Phrase<'duration.minutes' | 'duration.hours'> {
  const minutes = Math.max(0, Math.floor(milliseconds / 60_000))
  if (minutes < 60) return { key: 'duration.minutes', values: { n: minutes } }
  return { key: 'duration.hours', values: { h: Math.floor(minutes / 60), m: minutes % 60 } }
}
