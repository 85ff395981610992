// The TypeScript datum conversions give the figures that the Python ones are held to.
import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { bd09ToGcj02, destination, distanceM, fromWgs84, toWgs84 } from '@/core/geo'

const rows = readFileSync(new URL('../../../tests/data/coord_vectors.csv', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => {
    const [name = '', ...figures] = line.split(',')
    const [wgsLon = 0, wgsLat = 0, gcjLon = 0, gcjLat = 0, bdLon = 0, bdLat = 0] = figures.map(Number)
    return {
      name,
      wgs84: { lat: wgsLat, lon: wgsLon },
      gcj02: { lat: gcjLat, lon: gcjLon },
      bd09: { lat: bdLat, lon: bdLon },
    }
  })

describe.each(rows)('$name', ({ wgs84, gcj02, bd09 }) => {
  it('is shown where the vectors say', () => {
    expect(distanceM(fromWgs84(wgs84, 'gcj02'), gcj02)).toBeLessThan(0.01)
    expect(distanceM(fromWgs84(wgs84, 'bd09'), bd09)).toBeLessThan(0.01)
  })

  it('comes back to within a decimetre', () => {
    expect(distanceM(toWgs84(gcj02, 'gcj02'), wgs84)).toBeLessThan(0.1)
    // BD-09 has no exact inverse; its published approximation is good to about a metre
    expect(distanceM(toWgs84(bd09, 'bd09'), wgs84)).toBeLessThan(2)
    expect(distanceM(bd09ToGcj02(bd09), gcj02)).toBeLessThan(2)
  })
})

it('has vectors to test on', () => {
  expect(rows.length).toBeGreaterThan(10)
})

it('shifts nothing outside China', () => {
  const london = { lat: 51.5, lon: -0.12 }
  expect(fromWgs84(london, 'gcj02')).toEqual(london)
  expect(toWgs84(london, 'gcj02')).toEqual(london)
})

it('walks the metres it was told to walk', () => {
  const from = { lat: 31.24, lon: 121.4 }
  for (const bearing of [0, 45, 90, 200, 359]) {
    expect(distanceM(from, destination(from, 250, bearing))).toBeCloseTo(250, 3)
  }
})
