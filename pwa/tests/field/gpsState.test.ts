// What the phone says of its position: it searches first, and has lost it only when it has searched in vain.
import { describe, expect, it } from 'vitest'

import { FRESH_MS, USABLE_MS, ageS, gpsStateOf, usable, type GpsState, type Watch } from '@/field/gpsState'

const NOW = Date.parse('2026-11-23T01:00:00Z')
const watch = (over: Partial<Watch>): Watch => ({ supported: true, since: NOW - 5_000, failure: null, fix: null, ...over })
const fix = (age: number, acc = 8) => ({ at: new Date(NOW - age).toISOString(), acc })

describe('gpsStateOf', () => {
  it.each<[string, GpsState, Partial<Watch>]>([
    ['without the browser’s help', 'unsupported', { supported: false }],
    ['off duty', 'off', { since: null }],
    ['at the start', 'waiting', {}],
    ['at the start, though the first answer was “not available”', 'waiting', { failure: 'lost' }],
    ['after twenty seconds without an answer', 'lost', { since: NOW - FRESH_MS }],
    ['forbidden, at once', 'denied', { failure: 'denied' }],
    ['with a good position', 'good', { fix: fix(1_000) }],
    ['with a rough one', 'poor', { fix: fix(1_000, 120) }],
    ['with an old one, however short the watch', 'lost', { fix: fix(FRESH_MS) }],
  ])('%s', (_when, state, over) => {
    expect(gpsStateOf(watch(over), NOW)).toBe(state)
  })

  it('allows for a clock that ticks only now and then', () => {
    expect(gpsStateOf(watch({ fix: fix(FRESH_MS + 2_000) }), NOW, 5_000)).toBe('good')
  })
})

describe('the last position', () => {
  it('may be written down for a minute, and says how old it is', () => {
    const last = fix(30_400)
    expect(usable(last, NOW)).toBe(last)
    expect(ageS(last, NOW)).toBe(30)
    expect(usable(fix(USABLE_MS + 1), NOW)).toBeNull()
    expect(usable(null, NOW)).toBeNull()
    expect(ageS(fix(-5_000), NOW)).toBe(0) // the satellites' clock may be ahead
  })
})
