// A shrunk photo still says when and where it was taken, and is turned only once.
import { readFileSync } from 'node:fs'

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { carryExif, exifSegment, isJpeg, upright, withExif } from '@/core/exif'

const photo = (name: string) => new Uint8Array(readFileSync(new URL(`../../../tests/data/photos/${name}`, import.meta.url)))

/** What a canvas makes: a start, a JFIF header, the scan. */
const CANVAS = new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0x4a, 0x46, 0xff, 0xda, 0, 2, 1, 2, 3, 0xff, 0xd9])

/** The value of a short tag in the first directory, read by other means than the code under test. */
function orientationOf(segment: Uint8Array): number | null {
  const view = new DataView(segment.buffer, segment.byteOffset + 10)
  const little = view.getUint16(0) === 0x4949
  const start = view.getUint32(4, little)
  for (let index = 0; index < view.getUint16(start, little); index += 1) {
    const at = start + 2 + index * 12
    if (view.getUint16(at, little) === 0x0112) return view.getUint16(at + 8, little)
  }
  return null
}

describe('what the camera wrote', () => {
  it('is found in photos of phones', () => {
    for (const name of ['own_bikes_orient6.jpg', 'own_rubbish_gps.jpg', 'own_rubbish_old.jpg', 'landscape_6.jpg']) {
      const segment = exifSegment(photo(name))
      expect(segment?.[0], name).toBe(0xff)
      expect(new TextDecoder().decode(segment?.slice(4, 8)), name).toBe('Exif')
    }
  })

  it('is not found where there is none', () => {
    expect(exifSegment(CANVAS)).toBeNull()
    expect(exifSegment(photo('own_stall.heic'))).toBeNull()
    expect(exifSegment(new Uint8Array())).toBeNull()
  })

  it.each(['own_bikes_orient6.jpg', 'landscape_6.jpg'])('of %s says "turn" before and "upright" after', (name) => {
    const segment = exifSegment(photo(name))
    if (!segment) throw new Error('no segment')
    expect(orientationOf(segment)).toBe(6)
    const reset = upright(segment)
    expect(reset && orientationOf(reset)).toBe(1)
    expect(reset?.length).toBe(segment.length)
    expect(orientationOf(segment)).toBe(6) // the original is as it was
  })

  it('is carried into the shrunk picture, whose own bytes stay', () => {
    const carried = carryExif(photo('own_rubbish_gps.jpg'), CANVAS)
    const segment = exifSegment(carried)
    expect(segment && segment.length > 50).toBe(true)
    expect([...carried.subarray(2 + (segment?.length ?? 0))]).toEqual([...CANVAS.subarray(2)])
  })

  it('is left out where it cannot be read: a wrong turn would be worse', () => {
    const damaged = exifSegment(photo('own_bikes_orient6.jpg'))?.slice() ?? new Uint8Array()
    damaged.fill(0xff, 14, 18) // the first directory lies beyond the end
    expect(upright(damaged)).toBeNull()
    expect(carryExif(withExif(CANVAS, damaged), CANVAS)).toEqual(CANVAS)
  })

  it('never breaks on any bytes', () => {
    const start = [0xff, 0xd8, 0xff, 0xe1, 0, 40, 0x45, 0x78, 0x69, 0x66, 0, 0, 0x49, 0x49]
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (rest, exif) => {
        const bytes = new Uint8Array([...(exif ? start : []), ...rest])
        expect(isJpeg(carryExif(bytes, CANVAS))).toBe(true)
      }),
    )
  })
})
