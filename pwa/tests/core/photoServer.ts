/** A model of the server's intake of photos: parts by offset, the whole by its hash. */
import { ApiProblem, Unreachable } from '@/core/http'
import { sha256Of, type PhotoServer, type UploadState } from '@/core/photos'

export type PhotoMishap = 'none' | 'lost_request' | 'lost_answer' | 'half_part' | 'busy'

interface Arrived {
  bytes: Uint8Array<ArrayBuffer>
  received: number
}

export class ModelPhotoServer implements PhotoServer {
  readonly arriving = new Map<string, Arrived>()
  readonly complete = new Map<string, Uint8Array<ArrayBuffer>>()
  readonly rejected = new Map<string, string>()
  mishaps: PhotoMishap[] = []
  bytesTaken = 0
  judge: (sha256: string) => string | null = () => null

  state(sha256: string): Promise<UploadState> {
    if (this.mishaps[0] === 'lost_request') return Promise.reject(new Unreachable(new Error(this.mishaps.shift())))
    return Promise.resolve(this.told(sha256))
  }

  async put(sha256: string, part: Parameters<PhotoServer['put']>[1]): Promise<UploadState> {
    const mishap = this.mishaps.shift() ?? 'none'
    if (mishap === 'lost_request') throw new Unreachable(new Error('cut'))
    if (mishap === 'busy') throw new ApiProblem(503, 'photo-store-away', '', null, 7)
    if (mishap === 'half_part') throw new Unreachable(new Error('cut in the middle')) // a part counts whole or not at all
    await this.take(sha256, part)
    if (mishap === 'lost_answer') throw new Unreachable(new Error('cut'))
    const problem = this.rejected.get(sha256)
    if (problem) throw new ApiProblem(422, problem, '')
    return this.told(sha256)
  }

  private async take(sha256: string, { bytes, first, total }: Parameters<PhotoServer['put']>[1]): Promise<void> {
    if (this.complete.has(sha256) || this.rejected.has(sha256)) return
    const known = this.arriving.get(sha256) ?? { bytes: new Uint8Array(total), received: 0 }
    if (first > known.received) throw new ApiProblem(422, 'photo-part-wrong', '')
    this.bytesTaken += bytes.byteLength
    known.bytes.set(bytes, first)
    known.received = Math.max(known.received, first + bytes.byteLength)
    this.arriving.set(sha256, known)
    if (known.received < total) return
    this.arriving.delete(sha256)
    if ((await sha256Of(known.bytes.buffer)) !== sha256) throw new ApiProblem(422, 'photo-hash-mismatch', '')
    const problem = this.judge(sha256)
    if (problem) this.rejected.set(sha256, problem)
    else this.complete.set(sha256, known.bytes)
  }

  private told(sha256: string): UploadState {
    const problem = this.rejected.get(sha256)
    if (problem) return { state: 'rejected', received: 0, problem: `/problems/${problem}` }
    const whole = this.complete.get(sha256)
    if (whole) return { state: 'stored', received: whole.byteLength, problem: null }
    return { state: 'missing', received: this.arriving.get(sha256)?.received ?? 0, problem: null }
  }
}
