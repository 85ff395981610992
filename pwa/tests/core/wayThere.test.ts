// Each map app gets the spot in the datum of its own map, in the form of address that it documents.
import { expect, it } from 'vitest'

import { bd09ToGcj02, distanceM, gcj02ToWgs84 } from '@/core/geo'
import { wayThere } from '@/core/wayThere'

const SPOT = { lat: 31.2401, lon: 121.4102 }
const numbers = (text: string) => [...text.matchAll(/-?\d+\.\d+/g)].map((match) => Number(match[0]))

it('is GCJ-02, longitude first, for AMap', () => {
  const address = new URL(wayThere('amap', SPOT, '跨门营业, 曹杨路', false))
  expect(address.host).toBe('uri.amap.com')
  expect(address.searchParams.get('coordinate')).toBe('gaode')
  const [lon = 0, lat = 0] = numbers(address.searchParams.get('to') ?? '')
  expect(distanceM(gcj02ToWgs84({ lat, lon }), SPOT)).toBeLessThan(0.5)
  expect(address.searchParams.get('to')?.split(',')).toHaveLength(3) // the name's own comma is gone
})

it('is BD-09, latitude first, for Baidu', () => {
  const address = new URL(wayThere('baidu', SPOT, '跨门营业|x', false))
  expect(address.searchParams.get('coord_type')).toBe('bd09ll')
  const target = address.searchParams.get('destination') ?? ''
  expect(target.split('|')).toHaveLength(2)
  const [lat = 0, lon = 0] = numbers(target)
  expect(distanceM(gcj02ToWgs84(bd09ToGcj02({ lat, lon })), SPOT)).toBeLessThan(1)
})

it('is GCJ-02, latitude first, for Tencent', () => {
  const address = new URL(wayThere('tencent', SPOT, '跨门营业', false))
  const [lat = 0, lon = 0] = numbers(address.searchParams.get('tocoord') ?? '')
  expect(distanceM(gcj02ToWgs84({ lat, lon }), SPOT)).toBeLessThan(0.5)
})

it('is WGS-84 for the map of the system', () => {
  const apple = new URL(wayThere('system', SPOT, '跨门营业', true))
  expect(apple.searchParams.get('daddr')).toBe('31.240100,121.410200')
  expect(wayThere('system', SPOT, '跨门', false)).toMatch(/^geo:31\.240100,121\.410200\?q=31\.240100,121\.410200\(/)
})
