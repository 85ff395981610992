/**
 * Deadlines as they stand now, and their arithmetic in words. Pure. The arithmetic is the server's; its
 * sentences are the server's own messages, and `tests/vectors/worktime.json` holds both to the same words.
 */
import en from '../../../app/timers/messages.en.json'
import zh from '../../../app/timers/messages.zh.json'

/** What of a case decides which deadline counts. */
export interface Due {
  state: string
  due_at: string | null
  acknowledge_due_at: string | null
  /** What a phone kept from an older server lacks it. */
  verify_due_at?: string | null
}

/** How a deadline stands: `ms` is how much is left, or by how much it has passed. */
export type Standing =
  | { kind: 'left' | 'overdue'; what: 'accept' | 'resolve' | 'verify'; ms: number }
  | { kind: 'held' } // the clock stands still
  | { kind: 'none' }

const DONE = ['verified', 'closed', 'void', 'duplicate']

/** The deadline that counts now: that for accepting while nobody has, that for verifying once it is said to be resolved; null where the work is done. */
export function dueOf(due: Due, now: number): Standing | null {
  if (DONE.includes(due.state)) return null
  if (due.state === 'on_hold') return { kind: 'held' }
  const { what, at } = waitedFor(due)
  if (at === null) return what === 'verify' ? null : { kind: 'none' }
  const left = Date.parse(at) - now
  return { kind: left >= 0 ? 'left' : 'overdue', what, ms: Math.abs(left) }
}

/** True where the case has missed its time to be put right, or the deadline that counts now: what rows, marks and the map show in red. */
export function isLate(one: Due & { overdue: boolean }, now: number): boolean {
  return one.overdue || dueOf(one, now)?.kind === 'overdue'
}

function waitedFor(due: Due): { what: 'accept' | 'resolve' | 'verify'; at: string | null } {
  if (due.state === 'resolved') return { what: 'verify', at: due.verify_due_at ?? null }
  if (due.state === 'dispatched' && due.acknowledge_due_at !== null) return { what: 'accept', at: due.acknowledge_due_at }
  return { what: 'resolve', at: due.due_at }
}

/** A stretch of the arithmetic. Times are local with their offset: they are shown by cutting the text. */
export interface ArithmeticStep {
  kind: string
  from: string
  to: string | null // still open
  on: string
  to_on: string | null
  minutes: number
  days: number
  name_zh: string
  name_en: string
  reason: string
}

/** The arithmetic of a deadline, as the server made it. */
export interface Arithmetic {
  starts_at: string
  limit: { amount: number; unit: string }
  calendar_last_year: number
  hours: string[]
  steps: ArithmeticStep[]
  due_at: string | null
  warnings: string[]
}

type Say = Record<string, string>
type Reasons = Record<string, string>

/** The sentences of a deadline's arithmetic, the start first and the deadline last. */
export function arithmeticWords(made: Arithmetic, lang: 'zh' | 'en', reasons: Reasons = {}): string[] {
  const say: Say = lang === 'zh' ? zh : en
  const byTheClock = made.limit.unit.startsWith('urgent')
  const one = made.limit.amount === 1 ? '.one' : ''
  const limit = put(say, `unit.${made.limit.unit}${one}`, { amount: made.limit.amount })
  const hours = made.hours.map((text) => text.replace('-', '–')).join(' ')
  const moment = momentText(made.starts_at, say, true)
  const lines = [put(say, byTheClock ? 'start.clock' : 'start.hours', { moment, limit, hours })]
  for (const step of made.steps) lines.push(sentence(step, say, lang === 'zh' ? step.name_zh : step.name_en, reasons, byTheClock))
  if (made.due_at === null) lines.push(put(say, 'due.none'))
  else lines.push(put(say, 'due', { moment: momentText(made.due_at, say, true) }))
  if (made.warnings.includes('beyond_calendar')) lines.push(put(say, 'beyond_calendar', { year: made.calendar_last_year }))
  return lines
}

function put(say: Say, key: string, values: Record<string, string | number> = {}): string {
  return (say[key] ?? key).replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place))
}

function sentence(step: ArithmeticStep, say: Say, name: string, reasons: Reasons, byTheClock: boolean): string {
  if (step.kind === 'pause') {
    const reason = reasons[step.reason] ?? step.reason
    const key = `pause${step.to === null ? '.open' : ''}${reason ? '.reason' : ''}`
    return put(say, key, { from: momentText(step.from, say), to: step.to ? momentText(step.to, say) : '', reason })
  }
  if (step.kind === 'off_hours') return put(say, 'off_hours', { moment: momentText(step.from, say) })
  const dates = datesText(step.on, step.to_on, say)
  if (step.kind === 'weekend' || step.kind === 'holiday') return put(say, step.kind, { dates, name })
  const duration = durationText(step.minutes, say)
  if (step.on === step.to_on) {
    const stretch = put(say, 'stretch', { date: dateText(step.on, say), from: step.from.slice(11, 16), to: endText(step.to ?? '') })
    return put(say, step.kind, { stretch, name, duration })
  }
  if (!byTheClock) return put(say, 'counted.days', { dates, days: step.days, duration })
  const both = put(say, 'dates', { from: momentText(step.from, say), to: momentText(step.to ?? '', say) })
  return put(say, 'counted', { stretch: both, duration })
}

/** The end of a stretch within a day: midnight is its 24th hour. */
function endText(moment: string): string {
  const text = moment.slice(11, 16)
  return text === '00:00' ? '24:00' : text
}

function datesText(first: string, last: string | null, say: Say): string {
  if (first === last || last === null) return dateText(first, say)
  return put(say, 'dates', { from: dateText(first, say), to: dateText(last, say) })
}

function dateText(text: string, say: Say, year = false): string {
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`)
  return put(say, year ? 'date_year' : 'date', {
    year: day.getUTCFullYear(),
    month: (say.months ?? '').split(' ')[day.getUTCMonth()] ?? '',
    day: day.getUTCDate(),
    weekday: (say.weekdays ?? '').split(' ')[(day.getUTCDay() + 6) % 7] ?? '',
  })
}

function momentText(text: string, say: Say, year = false): string {
  return put(say, 'moment', { date: dateText(text, say, year), time: text.slice(11, 16) })
}

function durationText(total: number, say: Say): string {
  const [hours, minutes] = [Math.floor(total / 60), total % 60]
  const which = hours && minutes ? 'both' : hours ? 'hours' : 'minutes'
  return put(say, `duration.${which}`, { hours, minutes })
}
