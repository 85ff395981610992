// A track is drawn as a full line only where positions were recorded.
import { describe, expect, it } from 'vitest'

import { distanceM } from '@/core/geo'
import { boundsOf, circleRing, cutTrack, labelPosition, roundFrame } from '@/map/geometry'
import type { MapFix, OutlineFeature } from '@/map/types'

const at = (minute: number, second = 0): string => new Date(Date.UTC(2026, 10, 23, 1, minute, second)).toISOString()
const fix = (minute: number, second = 0): MapFix => ({
  at: at(minute, second),
  lat: 31.24 + minute / 1e4,
  lon: 121.4,
  accuracy_m: 8,
})

describe('cutTrack', () => {
  it('keeps an unbroken walk in one piece', () => {
    const [only, ...rest] = cutTrack([fix(0), fix(1), fix(2)], [])
    expect(rest).toEqual([])
    expect(only?.kind).toBe('recorded')
    expect(only?.positions).toHaveLength(3)
  })

  it('cuts where the phone named a gap and says its cause and length', () => {
    const gaps = [{ id: 'g', started_at: at(1, 10), ended_at: at(8, 50), cause: 'screen_off' }]
    const stretches = cutTrack([fix(0), fix(1), fix(9), fix(10)], gaps)
    expect(stretches.map((one) => one.kind)).toEqual(['recorded', 'gap', 'recorded'])
    expect(stretches[1]).toMatchObject({ cause: 'screen_off', minutes: 8 })
  })

  it('cuts at a short gap too when the phone named it', () => {
    const gaps = [{ id: 'g', started_at: at(0, 20), ended_at: at(0, 50), cause: 'no_signal' }]
    expect(cutTrack([fix(0), fix(1)], gaps)).toMatchObject([{ kind: 'gap', cause: 'no_signal', minutes: 1 }])
  })

  it('does not join fixes over a long silence that nobody explained', () => {
    const stretches = cutTrack([fix(0), fix(1), fix(20), fix(21)], [])
    expect(stretches[1]).toMatchObject({ kind: 'gap', cause: 'unlabelled', minutes: 19 })
  })

  it('makes nothing of no fixes or of one', () => {
    expect(cutTrack([], [])).toEqual([])
    expect(cutTrack([fix(0)], [])).toEqual([])
  })
})

it('draws a circle whose every corner lies on the radius', () => {
  const centre = { lat: 31.24, lon: 121.4 }
  const ring = circleRing(centre, 35)
  expect(ring[0]).toEqual(ring.at(-1)?.map((figure) => expect.closeTo(figure, 9)))
  for (const [lon, lat] of ring) expect(distanceM(centre, { lat, lon })).toBeCloseTo(35, 3)
})

it('writes a name in the middle of the larger part', () => {
  const square = (lon: number, lat: number, edge: number): number[][] => [
    [lon, lat],
    [lon + edge, lat],
    [lon + edge, lat + edge],
    [lon, lat + edge],
    [lon, lat],
  ]
  const outline: OutlineFeature = {
    type: 'Feature',
    properties: { code: '1', level: 'unit', parent_code: null, name: '', name_en: '' },
    geometry: { type: 'MultiPolygon', coordinates: [[square(121, 31, 0.001)], [square(122, 30, 0.004)]] },
  }
  const label = labelPosition(outline)
  expect(label.lon).toBeCloseTo(122.002, 9)
  expect(label.lat).toBeCloseTo(30.002, 9)
})

it('knows the bounds of positions and of none', () => {
  expect(boundsOf([])).toBeNull()
  expect(
    boundsOf([
      { lat: 1, lon: 4 },
      { lat: 3, lon: 2 },
    ]),
  ).toEqual([2, 1, 4, 3])
})

describe('roundFrame', () => {
  const next = { lat: 31.24, lon: 121.4 }
  const stops = [next, { lat: 31.25, lon: 121.41 }]

  it('holds the person, with how exact that is, and the next stop where they are near each other', () => {
    const me = { lat: 31.244, lon: 121.4, radius_m: 12 } // some 445 m north
    expect(roundFrame(stops, next, me)).toEqual([me, next])
  })

  it('holds all stops where the person is far, unknown, or has nothing left to walk to', () => {
    const far = { lat: 31.245, lon: 121.4, radius_m: 12 }
    expect(roundFrame(stops, next, far)).toBe(stops)
    expect(roundFrame(stops, next, null)).toBe(stops)
    expect(roundFrame(stops, null, { ...next })).toBe(stops)
  })
})
