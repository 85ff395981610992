/**
 * What a camera writes into a JPEG about time and place. A phone shrinks a photo by drawing it anew, which
 * loses that; the server reads it as a cross-check, so it is carried over. Pure.
 */

const SOI = 0xd8
const SOS = 0xda
const APP1 = 0xe1
const ORIENTATION = 0x0112
const SHORT = 3
const UPRIGHT = 1
const EXIF_HEADER = [0x45, 0x78, 0x69, 0x66, 0, 0] // "Exif" and two zeros
const TIFF_AT = 4 + EXIF_HEADER.length // after marker, length and header
const ENTRY_BYTES = 12

/** True for the bytes of a JPEG. */
export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === SOI
}

/** The EXIF segment of a JPEG with its marker and length, as a copy; null where there is none. */
export function exifSegment(jpeg: Uint8Array): Uint8Array | null {
  if (!isJpeg(jpeg)) return null
  let at = 2
  while (at + 4 <= jpeg.length && jpeg[at] === 0xff) {
    const marker = jpeg[at + 1] ?? SOS
    const length = ((jpeg[at + 2] ?? 0) << 8) | (jpeg[at + 3] ?? 0)
    const end = at + 2 + length
    if (marker === SOS || length < 2 || end > jpeg.length) return null
    const isExif = marker === APP1 && EXIF_HEADER.every((byte, index) => jpeg[at + 4 + index] === byte)
    if (isExif) return jpeg.slice(at, end)
    at = end
  }
  return null
}

/**
 * A copy of an EXIF segment that says "upright", for a picture that has been turned already; null where the
 * segment cannot be read, because a wrong orientation would turn the picture twice.
 */
export function upright(segment: Uint8Array): Uint8Array | null {
  const copy = segment.slice()
  const view = new DataView(copy.buffer)
  const order = copy.length >= TIFF_AT + 8 ? view.getUint16(TIFF_AT) : 0
  if (order !== 0x4949 && order !== 0x4d4d) return null
  const little = order === 0x4949
  const first = TIFF_AT + view.getUint32(TIFF_AT + 4, little)
  // The second directory is that of the small preview
  const second = resetDirectory(view, first, little)
  if (second === null) return null
  if (second !== 0) resetDirectory(view, TIFF_AT + second, little)
  return copy
}

/** Resets the orientation in the directory at *at*; the offset of the next one, or null where it is cut off. */
function resetDirectory(view: DataView, at: number, little: boolean): number | null {
  if (at + 2 > view.byteLength) return null
  const count = view.getUint16(at, little)
  const end = at + 2 + count * ENTRY_BYTES
  if (end > view.byteLength) return null
  for (let entry = at + 2; entry < end; entry += ENTRY_BYTES) {
    if (view.getUint16(entry, little) !== ORIENTATION) continue
    view.setUint16(entry + 2, SHORT, little)
    view.setUint32(entry + 4, 1, little)
    view.setUint32(entry + 8, 0, little)
    view.setUint16(entry + 8, UPRIGHT, little)
  }
  return end + 4 <= view.byteLength ? view.getUint32(end, little) : 0
}

/** *jpeg* with *segment* right after its start, where readers look for it. */
export function withExif(jpeg: Uint8Array, segment: Uint8Array): Uint8Array {
  const joined = new Uint8Array(jpeg.length + segment.length)
  joined.set(jpeg.subarray(0, 2))
  joined.set(segment, 2)
  joined.set(jpeg.subarray(2), 2 + segment.length)
  return joined
}

/** The shrunk picture with what the original's camera wrote, except how to turn it. */
export function carryExif(original: Uint8Array, shrunk: Uint8Array): Uint8Array {
  const segment = exifSegment(original)
  const reset = segment && upright(segment)
  return reset && isJpeg(shrunk) ? withExif(shrunk, reset) : shrunk
}
