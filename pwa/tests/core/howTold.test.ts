// What a person fills in about how they are told: what is wrong with it is said before it is sent.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { choiceOf, faultOf, filledFrom, isChanged, overMidnight, quietMinutes, suspiciouslyLong, type Settings } from '@/core/howTold'

const NIGHT = { from: '22:00', until: '07:00' }
const LONGER = { from: '21:30', until: '08:00' }
const told = (quiet = NIGHT, street_quiet = NIGHT): Settings => ({
  channel_order: ['sms', 'web_push', 'wecom'],
  reached_by: ['sms'],
  language: 'zh',
  quiet,
  street_quiet,
  rungs: [],
})
const own = (from: string, until: string) => ({ own: true, from, until, language: 'zh' as const })

describe('the form', () => {
  it('takes hours like the street’s for the street’s, others for own ones', () => {
    expect(filledFrom(told())).toEqual({ own: false, ...NIGHT, language: 'zh' })
    expect(filledFrom(told(LONGER))).toEqual({ own: true, ...LONGER, language: 'zh' })
  })

  it('sends null to follow the street, and the order of the channels as it came', () => {
    const settings = told(LONGER)
    const filled = filledFrom(settings)
    expect(choiceOf(filled, settings)).toEqual({ channel_order: settings.channel_order, language: 'zh', quiet: LONGER })
    expect(choiceOf({ ...filled, own: false, language: 'en' }, settings)).toEqual({
      channel_order: settings.channel_order,
      language: 'en',
      quiet: null,
    })
  })

  it('knows whether anything was changed', () => {
    const settings = told(LONGER)
    const filled = filledFrom(settings)
    expect(isChanged(filled, settings)).toBe(false)
    expect(isChanged({ ...filled, own: false }, settings)).toBe(true)
    expect(isChanged({ ...filled, language: 'en' }, settings)).toBe(true)
    expect(isChanged({ ...filledFrom(told()), from: '20:00' }, told())).toBe(false) // the street's are chosen
  })
})

describe('what is wrong', () => {
  it.each([
    ['22:00', '07:00', null],
    ['20:00', '08:30', null],
    ['19:00', '13:00', null], // eighteen hours at most
    ['19:00', '13:01', 'long'], // nearly the whole day
    ['22:01', '07:00', 'short'],
    ['22:00', '06:59', 'short'],
    ['00:00', '07:00', 'short'],
    ['07:00', '22:00', 'short'], // the day instead of the night
    ['22:00', '22:00', 'same'],
    ['', '07:00', 'missing'],
    ['22:00', '', 'missing'],
  ])('from %s until %s: %s', (from, until, fault) => {
    expect(faultOf(own(from, until), NIGHT)).toBe(fault)
  })

  it('is nothing where the street’s hours are followed', () => {
    expect(faultOf({ ...own('', ''), own: false }, NIGHT)).toBeNull()
  })

  it('is no shortness where the street has no quiet hours, or has them by day', () => {
    expect(faultOf(own('13:00', '14:00'), { from: '00:00', until: '00:00' })).toBeNull()
    expect(faultOf(own('11:30', '14:00'), { from: '12:00', until: '14:00' })).toBeNull()
    expect(faultOf(own('12:30', '14:00'), { from: '12:00', until: '14:00' })).toBe('short')
  })

  it('is found for all hours as the minutes say', () => {
    const clock = (minute: number) => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
    const covered = (from: number, until: number) =>
      Array.from({ length: 1440 }, (_, minute) => (from <= until ? minute >= from && minute < until : minute >= from || minute < until))
    const minute = fc.integer({ min: 0, max: 1439 })
    fc.assert(
      fc.property(minute, minute, minute, minute, (from, until, streetFrom, streetUntil) => {
        fc.pre(from !== until)
        const mine = covered(from, until)
        const within = covered(streetFrom, streetUntil).every((quiet, at) => !quiet || mine[at])
        const street = { from: clock(streetFrom), until: clock(streetUntil) }
        const long = (until - from + 1440) % 1440 > Math.max(18 * 60, (streetUntil - streetFrom + 1440) % 1440)
        expect(faultOf(own(clock(from), clock(until)), street)).toBe(long ? 'long' : within ? null : 'short')
      }),
    )
  })
})

describe('hours', () => {
  it('know their length, over midnight too', () => {
    expect(quietMinutes(NIGHT)).toBe(540)
    expect(quietMinutes({ from: '12:00', until: '13:30' })).toBe(90)
    expect(quietMinutes({ from: '00:00', until: '00:00' })).toBe(0)
    expect([NIGHT, { from: '00:00', until: '07:00' }, { from: '12:00', until: '13:00' }].map(overMidnight)).toEqual([true, false, false])
  })

  it('are doubted where morning and evening were mixed up', () => {
    expect(suspiciouslyLong({ from: '10:00', until: '07:00' })).toBe(true)
    expect(suspiciouslyLong({ from: '20:00', until: '10:00' })).toBe(false)
  })
})
