/**
 * Schedules in words, and the few kinds of schedule that the form makes. Gives message keys and
 * values, never words. A rule that is richer than that is shown as it is written.
 */
export const WEEKDAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const
export type Weekday = (typeof WEEKDAYS)[number]

export type RulePhrase =
  | { kind: 'daily'; interval: number }
  | { kind: 'workdays' }
  | { kind: 'weekly'; interval: number; days: Weekday[] }
  | { kind: 'monthly'; days: number[] }
  | { kind: 'other'; rule: string }

/** The parts of a rule this page can say, with its end if it has one. */
export interface Recurrence {
  phrase: RulePhrase
  /** Last day, 2026-12-31; null where the rule has no end. */
  until: string | null
  count: number | null
}

/** Reads an RRULE value such as `FREQ=WEEKLY;BYDAY=MO,TH`. */
export function readRule(rule: string, startsAtLocal: string): Recurrence {
  const parts = new Map(rule.split(';').map((part) => part.split('=', 2) as [string, string]))
  const until = /^(\d{4})(\d{2})(\d{2})/.exec(parts.get('UNTIL') ?? '')
  return {
    phrase: phraseOf(rule, parts, startsAtLocal),
    until: until === null ? null : `${until[1]}-${until[2]}-${until[3]}`,
    count: parts.has('COUNT') ? Number(parts.get('COUNT')) : null,
  }
}

const SAID = new Set(['FREQ', 'INTERVAL', 'BYDAY', 'BYMONTHDAY', 'UNTIL', 'COUNT', 'WKST'])

function phraseOf(rule: string, parts: Map<string, string>, startsAtLocal: string): RulePhrase {
  const other: RulePhrase = { kind: 'other', rule }
  if ([...parts.keys()].some((name) => !SAID.has(name))) return other
  const interval = Number(parts.get('INTERVAL') ?? 1)
  const monthDays = parts.get('BYMONTHDAY')
  const days = (parts.get('BYDAY') ?? '').split(',').filter((day) => day !== '')
  if (!days.every(isWeekday)) return other
  switch (parts.get('FREQ')) {
    case 'DAILY':
      if (monthDays !== undefined) return other
      if (days.length === 0) return { kind: 'daily', interval }
      return interval === 1 ? weekly(1, days) : other
    case 'WEEKLY':
      return weekly(interval, days.length > 0 ? days : [weekdayOf(startsAtLocal)])
    case 'MONTHLY':
      if (interval !== 1 || days.length > 0) return other
      return { kind: 'monthly', days: (monthDays ?? startsAtLocal.slice(8, 10)).split(',').map(Number) }
    default:
      return other
  }
}

function weekly(interval: number, days: Weekday[]): RulePhrase {
  const sorted = WEEKDAYS.filter((day) => days.includes(day))
  if (interval === 1 && sorted.length === 7) return { kind: 'daily', interval: 1 }
  if (interval === 1 && sorted.join() === 'MO,TU,WE,TH,FR') return { kind: 'workdays' }
  return { kind: 'weekly', interval, days: sorted }
}

function isWeekday(text: string): text is Weekday {
  return (WEEKDAYS as readonly string[]).includes(text)
}

/** The weekday of a wall-clock moment such as 2026-11-01T09:00, wherever the browser is. */
export function weekdayOf(startsAtLocal: string): Weekday {
  const day = new Date(`${startsAtLocal.slice(0, 10)}T00:00:00Z`).getUTCDay()
  return WEEKDAYS[(day + 6) % 7] as Weekday
}

/** The rule of the form: some weekdays, all seven being every day. */
export function ruleOf(days: readonly Weekday[], until: string): string {
  const sorted = WEEKDAYS.filter((day) => days.includes(day))
  const rule = sorted.length === 7 ? 'FREQ=DAILY' : `FREQ=WEEKLY;BYDAY=${sorted.join(',')}`
  return until === '' ? rule : `${rule};UNTIL=${until.replaceAll('-', '')}`
}

/** 08:30 and 180 minutes make 11:30; `nextDay` where the window passes midnight. */
export function windowEnd(startsAtLocal: string, windowMinutes: number): { time: string; nextDay: boolean } {
  const [hour = 0, minute = 0] = startsAtLocal.slice(11, 16).split(':').map(Number)
  const end = hour * 60 + minute + windowMinutes
  const two = (figure: number): string => String(figure).padStart(2, '0')
  return { time: `${two(Math.floor(end / 60) % 24)}:${two(end % 60)}`, nextDay: end >= 24 * 60 }
}
