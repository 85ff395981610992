// What stands on the map: the right mark for each check-in, in the map's datum and the reader's language.
import { describe, expect, it } from 'vitest'

import { distanceM, wgs84ToGcj02 } from '@/core/geo'
import { Features } from '@/map/features'
import { CASE_LOOKS, CHECK_IN_LOOKS, STOP_LOOKS, caseLook, checkInLook } from '@/map/looks'
import type { MapCase, MapCheckIn, StopState } from '@/map/types'
import type { Point, Polygon } from 'geojson'

const HERE = { lat: 31.24, lon: 121.4 }
const CHECKPOINT = { ...HERE, id: 'c', name: '梅岭大门', name_en: 'Meiling gate', radius_m: 30 }
const checkIn = (grade: MapCheckIn['grade'], review_state: MapCheckIn['review_state']): MapCheckIn => ({
  ...HERE,
  id: `${grade}-${review_state}`,
  grade,
  review_state,
})

describe('the look of a check-in', () => {
  it.each([
    ['verified', 'none', 'verified'],
    ['doubtful', 'pending', 'pending'],
    ['doubtful', 'answered', 'answered'],
    ['doubtful', 'accepted', 'accepted'],
    ['doubtful', 'rejected', 'rejected'],
  ])('%s and %s is %s', (grade, review, look) => {
    expect(checkInLook(grade, review)).toBe(look)
  })
})

describe('the mark of a stop', () => {
  const shown = (state: StopState) => new Features('wgs84', 'zh').checkpoints([{ ...CHECKPOINT, ordinal: 3, state }], null).features[0]

  it.each(['todo', 'next', 'picked', 'skipped'] as const)('carries its number when %s', (state) => {
    expect(shown(state)?.properties).toMatchObject({ number: '3', name: '梅岭大门' })
  })

  it.each([
    ['visited', 'verified'],
    ['doubtful', 'pending'],
  ] as const)('is that of its check-in when %s, and its name carries the number', (state, look) => {
    expect(STOP_LOOKS[state]).toBe(CHECK_IN_LOOKS[look])
    expect(shown(state)?.properties).toMatchObject({ number: '', name: '3 · 梅岭大门' })
  })
})

it('puts what waits for a decision on top', () => {
  const features = new Features('wgs84', 'zh').checkIns(
    [checkIn('doubtful', 'pending'), checkIn('verified', 'none')],
    null,
  )
  const [pending, verified] = features.features.map((one) => one.properties?.['rank'] as number)
  expect(pending).toBeGreaterThan(verified ?? Infinity)
})

it('names places in the language asked for, and in Chinese where there is no English', () => {
  const zh = new Features('wgs84', 'zh').checkpoints([CHECKPOINT], null).features[0]
  const en = new Features('wgs84', 'en').checkpoints([CHECKPOINT, { ...CHECKPOINT, name_en: '' }], null).features
  expect(zh?.properties?.['name']).toBe('梅岭大门')
  expect(en.map((one) => one.properties?.['name'] as string)).toEqual(['Meiling gate', '梅岭大门'])
})

it('moves marks, circles and outlines together onto GCJ-02 tiles', () => {
  const features = new Features('gcj02', 'zh')
  const shown = wgs84ToGcj02(HERE)
  const mark = features.checkpoints([CHECKPOINT], null).features[0]?.geometry as Point
  expect(mark.coordinates).toEqual([shown.lon, shown.lat])
  const circle = features.radii([CHECKPOINT], null).features[0]?.geometry as Polygon
  for (const [lon = 0, lat = 0] of circle.coordinates[0] ?? []) {
    expect(Math.abs(distanceM(shown, { lat, lon }) - 30)).toBeLessThan(0.1)
  }
  const moved = features.moved({
    type: 'FeatureCollection',
    features: [{ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [[[121.4, 31.24]]] } }],
  })
  expect((moved.features[0]?.geometry as Polygon).coordinates).toEqual([[[shown.lon, shown.lat]]])
})

it('labels a gap in words', () => {
  const track = new Features('wgs84', 'en').track(
    [
      { ...HERE, at: '2026-11-23T01:00:00Z' },
      { ...HERE, at: '2026-11-23T01:12:00Z' },
    ],
    [{ id: 'g', started_at: '2026-11-23T01:00:30Z', ended_at: '2026-11-23T01:11:30Z', cause: 'permission' }],
  )
  const texts = track.features.map((one) => one.properties?.['text'] as string | undefined)
  expect(texts).toContain('Location not allowed, 12 min')
})

describe('a case on the map', () => {
  it.each([
    ['open', false, 'waiting'],
    ['returned', false, 'waiting'],
    ['on_scene', false, 'working'],
    ['resolved', false, 'checking'],
    ['on_hold', false, 'held'],
    ['acknowledged', true, 'late'],
    ['closed', true, 'ended'],
    ['void', false, 'dropped'],
    ['duplicate', true, 'dropped'],
  ])('in state %s, overdue: %s, looks %s', (state, overdue, look) => {
    expect(caseLook(state, overdue)).toBe(look)
  })

  it('has a look of its own for each standing: no two share shape, sign and colour', () => {
    const looks = Object.values(CASE_LOOKS)
    expect(new Set(looks.map((look) => look.body + look.sign)).size).toBe(looks.length)
    expect(new Set(looks.map((look) => look.fill)).size).toBe(looks.length)
  })

  it('is drawn with its circle, in metres, in the datum of the map; the late one lies on top', () => {
    const one: MapCase = { ...HERE, id: 'k', name: '跨门营业', look: 'working', radius_m: 50 }
    const late: MapCase = { ...one, id: 'l', look: 'late', radius_m: null }
    const features = new Features('gcj02', 'zh')
    const [mark, lateMark] = features.cases([one, late], null).features
    expect(Number(lateMark?.properties?.['rank'])).toBeGreaterThan(Number(mark?.properties?.['rank']))
    const circles = features.caseCircles([one, late]).features
    expect(circles).toHaveLength(1)
    const shown = wgs84ToGcj02(HERE)
    expect((mark?.geometry as Point).coordinates).toEqual([shown.lon, shown.lat])
    const [lon = 0, lat = 0] = (circles[0]?.geometry as Polygon).coordinates[0]?.[0] ?? []
    expect(distanceM({ lat, lon }, shown)).toBeCloseTo(50, 0)
  })
})
