import { describe, expect, it } from 'vitest'

import { clockSeconds, dayPhrase, distancePhrase, durationPhrase, momentPhrase, streetDay } from '@/core/format'

const now = new Date('2026-11-23T01:02:03Z') // 09:02:03 in Shanghai

describe('times are those of the street', () => {
  it.each([
    ['2026-11-23T01:02:00Z', 'time.now', {}],
    ['2026-11-23T01:02:08Z', 'time.now', {}], // the screen's clock lags a little
    ['2026-11-23T00:32:00Z', 'time.minutes_ago', { n: 30 }],
    ['2026-11-22T16:05:00Z', 'time.today', { time: '00:05' }],
    ['2026-11-22T15:55:00Z', 'time.yesterday', { time: '23:55' }],
    ['2026-11-23T17:00:00Z', 'time.tomorrow', { time: '01:00' }],
    ['2026-11-24T16:00:00Z', 'time.day', { month: 11, day: 25, time: '00:00' }],
    ['2026-11-01T04:00:00Z', 'time.day', { month: 11, day: 1, time: '12:00' }],
    ['2026-11-23T03:00:00Z', 'time.today', { time: '11:00' }], // later than now: a window that opens
  ])('%s is said as %s', (moment, key, values) => {
    expect(momentPhrase(new Date(moment), now)).toEqual({ key, values })
  })

  it('changes the day at midnight of the street', () => {
    expect(streetDay(new Date('2026-11-22T15:59:59Z'))).toBe('2026-11-22')
    expect(streetDay(new Date('2026-11-22T16:00:00Z'))).toBe('2026-11-23')
    expect(dayPhrase(now, now)).toEqual({ key: 'time.today', values: { time: '09:02' } })
    expect(clockSeconds(now)).toBe('09:02:03')
  })
})

describe('distances are no more exact than they are', () => {
  it.each([
    [0.4, 'distance.metres', 0],
    [35.6, 'distance.metres', 36],
    [484, 'distance.metres', 480],
    [999, 'distance.kilometres', '1.0'],
    [1249, 'distance.kilometres', '1.2'],
  ])('%d m', (metres, key, n) => {
    expect(distancePhrase(metres)).toEqual({ key, values: { n } })
  })
})

it('says lengths of time in minutes or hours', () => {
  expect(durationPhrase(59 * 60_000)).toEqual({ key: 'duration.minutes', values: { n: 59 } })
  expect(durationPhrase(185 * 60_000)).toEqual({ key: 'duration.hours', values: { h: 3, m: 5 } })
  expect(durationPhrase(-5)).toEqual({ key: 'duration.minutes', values: { n: 0 } })
})
