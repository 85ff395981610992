/**
 * Photos made small enough to send on a bad line. What the camera wrote about time and place is carried
 * over; a picture that this browser cannot read is sent as it is.
 */
import { carryExif, isJpeg } from '@/core/exif'
import { MAX_PHOTO_BYTES } from '@/core/photos'

const LONGEST_SIDE = 1600
const ENOUGH_BYTES = 350_000
/** Tried in turn until the picture is small enough: longest side, quality. */
const TRIES = [
  [LONGEST_SIDE, 0.8],
  [LONGEST_SIDE, 0.68],
  [LONGEST_SIDE, 0.55],
  [1280, 0.55],
] as const

export interface Shrunk {
  bytes: ArrayBuffer
  type: string
}

/** Thrown where a picture can be neither shrunk nor sent as it is. */
export class PhotoTooLarge extends Error {}

/** Thrown where a file says that it is a picture every browser reads, and this one cannot read it. */
export class PhotoUnreadable extends Error {}

/** The picture in *file*, upright, at most 1600 pixels long and about 350 kB. */
export async function shrink(file: Blob): Promise<Shrunk> {
  const original = new Uint8Array(await file.arrayBuffer())
  const picture = await decode(file)
  if (!picture) return asItIs(file, original)
  try {
    const small = isJpeg(original) && original.length <= ENOUGH_BYTES && Math.max(picture.width, picture.height) <= LONGEST_SIDE
    if (small) return { bytes: original.buffer, type: 'image/jpeg' }
    const drawn = await draw(picture)
    return { bytes: carryExif(original, new Uint8Array(drawn)).buffer as ArrayBuffer, type: 'image/jpeg' }
  } finally {
    if ('close' in picture) picture.close()
  }
}

function asItIs(file: Blob, original: Uint8Array<ArrayBuffer>): Shrunk {
  if (isJpeg(original) || ['image/png', 'image/webp', 'image/gif'].includes(file.type)) throw new PhotoUnreadable()
  if (original.length > MAX_PHOTO_BYTES) throw new PhotoTooLarge()
  return { bytes: original.buffer, type: file.type || 'application/octet-stream' }
}

/** The picture turned upright, or null where this browser cannot read it (HEIC, mostly). */
async function decode(file: Blob): Promise<ImageBitmap | HTMLImageElement | null> {
  try {
    return await createImageBitmap(file, { imageOrientation: 'from-image' })
  } catch {
    return decodeAsElement(file) // older browsers do not know the word, and turn elements by themselves
  }
}

async function decodeAsElement(file: Blob): Promise<HTMLImageElement | null> {
  const address = URL.createObjectURL(file)
  try {
    const image = new Image()
    image.src = address
    await image.decode()
    return image
  } catch {
    return null
  } finally {
    URL.revokeObjectURL(address)
  }
}

async function draw(picture: ImageBitmap | HTMLImageElement): Promise<ArrayBuffer> {
  let made: Blob | null = null
  for (const [side, quality] of TRIES) {
    made = await drawOnce(picture, side, quality)
    if (made.size <= ENOUGH_BYTES) break
  }
  return (made as Blob).arrayBuffer()
}

function drawOnce(picture: ImageBitmap | HTMLImageElement, side: number, quality: number): Promise<Blob> {
  const scale = Math.min(1, side / Math.max(picture.width, picture.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(picture.width * scale))
  canvas.height = Math.max(1, Math.round(picture.height * scale))
  const paper = canvas.getContext('2d')
  if (!paper) return Promise.reject(new Error('no canvas'))
  paper.fillStyle = '#fff' // what is transparent would turn black
  paper.fillRect(0, 0, canvas.width, canvas.height)
  paper.imageSmoothingQuality = 'high'
  paper.drawImage(picture, 0, 0, canvas.width, canvas.height)
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the picture could not be drawn'))), 'image/jpeg', quality)
  })
}
