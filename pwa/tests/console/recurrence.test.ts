// A schedule reads as what it does, and the form writes rules that read back as they were meant.
import { describe, expect, it } from 'vitest'

import { WEEKDAYS, readRule, ruleOf, weekdayOf, windowEnd } from '@/console/recurrence'

const SUNDAY = '2026-11-01T08:30'

describe('readRule', () => {
  it.each([
    ['FREQ=DAILY', { kind: 'daily', interval: 1 }],
    ['FREQ=DAILY;INTERVAL=2', { kind: 'daily', interval: 2 }],
    ['FREQ=WEEKLY;BYDAY=FR,MO,WE,TU,TH', { kind: 'workdays' }],
    ['FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR', { kind: 'workdays' }],
    ['FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU', { kind: 'daily', interval: 1 }],
    ['FREQ=WEEKLY;BYDAY=TH,MO', { kind: 'weekly', interval: 1, days: ['MO', 'TH'] }],
    ['FREQ=WEEKLY;INTERVAL=2;BYDAY=SA', { kind: 'weekly', interval: 2, days: ['SA'] }],
    ['FREQ=WEEKLY', { kind: 'weekly', interval: 1, days: ['SU'] }],
    ['FREQ=MONTHLY;BYMONTHDAY=1,15', { kind: 'monthly', days: [1, 15] }],
    ['FREQ=MONTHLY', { kind: 'monthly', days: [1] }],
  ])('%s', (rule, phrase) => {
    expect(readRule(rule, SUNDAY).phrase).toEqual(phrase)
  })

  it.each([
    'FREQ=MONTHLY;BYDAY=2TU',
    'FREQ=DAILY;BYHOUR=8,20',
    'FREQ=YEARLY',
    'FREQ=DAILY;INTERVAL=2;BYDAY=MO',
    'FREQ=DAILY;BYMONTHDAY=1',
  ])('does not claim to say %s', (rule) => {
    expect(readRule(rule, SUNDAY).phrase).toEqual({ kind: 'other', rule })
  })

  it('reads the end', () => {
    expect(readRule('FREQ=DAILY;UNTIL=20261231', SUNDAY)).toMatchObject({ until: '2026-12-31', count: null })
    expect(readRule('FREQ=DAILY;COUNT=5', SUNDAY)).toMatchObject({ until: null, count: 5 })
  })
})

describe('ruleOf', () => {
  it('writes every set of days so that it reads back the same', () => {
    for (let set = 1; set < 128; set += 1) {
      const days = WEEKDAYS.filter((_, index) => set & (1 << index))
      const { phrase } = readRule(ruleOf(days, ''), SUNDAY)
      const said =
        phrase.kind === 'daily' ? [...WEEKDAYS] : phrase.kind === 'workdays' ? WEEKDAYS.slice(0, 5) : 'days' in phrase ? phrase.days : []
      expect(said).toEqual(days)
    }
  })

  it('writes the last day', () => {
    expect(ruleOf(['SU', 'MO'], '2026-12-31')).toBe('FREQ=WEEKLY;BYDAY=MO,SU;UNTIL=20261231')
  })
})

it('knows the weekday of a day whatever the browser thinks', () => {
  expect(weekdayOf('2026-11-01T00:30')).toBe('SU')
  expect(weekdayOf('2026-11-23T23:30')).toBe('MO')
})

it('says when a window closes, also past midnight', () => {
  expect(windowEnd('2026-11-01T08:30', 180)).toEqual({ time: '11:30', nextDay: false })
  expect(windowEnd('2026-11-01T22:00', 180)).toEqual({ time: '01:00', nextDay: true })
  expect(windowEnd('2026-11-01T08:30', 1440)).toEqual({ time: '08:30', nextDay: true })
})
