/**
 * Reading QR codes from the camera: the browser's own detector where there is one, else ZXing compiled to
 * WebAssembly, which is part of the app and works offline.
 */
import wasmUrl from 'zxing-wasm/reader/zxing_reader.wasm?url'

export type ReadCode = (frame: HTMLVideoElement) => Promise<string | null>

interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>
}

interface DetectorClass {
  new (options: { formats: string[] }): Detector
  getSupportedFormats(): Promise<string[]>
}

/** The best reader that this browser can run. */
export async function makeReader(): Promise<ReadCode> {
  const own = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector
  if (own && (await own.getSupportedFormats()).includes('qr_code')) {
    const detector = new own({ formats: ['qr_code'] })
    return async (frame) => (await detector.detect(frame))[0]?.rawValue ?? null
  }
  const { prepareZXingModule, readBarcodes } = await import('zxing-wasm/reader')
  await prepareZXingModule({ overrides: { locateFile: () => wasmUrl }, fireImmediately: true })
  const canvas = document.createElement('canvas')
  return async (frame) => {
    const pixels = draw(frame, canvas)
    if (!pixels) return null
    const codes = await readBarcodes(pixels, { formats: ['QRCode'], maxNumberOfSymbols: 1 })
    return codes[0]?.text ?? null
  }
}

const LONGEST_SIDE = 720 // enough for a tag at arm's length, and quick on an old phone

function draw(frame: HTMLVideoElement, canvas: HTMLCanvasElement): ImageData | null {
  if (frame.videoWidth === 0) return null
  const scale = Math.min(1, LONGEST_SIDE / Math.max(frame.videoWidth, frame.videoHeight))
  canvas.width = Math.round(frame.videoWidth * scale)
  canvas.height = Math.round(frame.videoHeight * scale)
  const context = canvas.getContext('2d', { willReadFrequently: true })
  context?.drawImage(frame, 0, 0, canvas.width, canvas.height)
  return context?.getImageData(0, 0, canvas.width, canvas.height) ?? null
}
