/** A model of the server's intake: what it has stored, and every rule of it that the phone relies on. */
import { ApiProblem, Unreachable } from '@/core/http'
import { hashOf } from '@/core/chain'
import type { Server, SyncRequest } from '@/core/sync'
import type { SyncAnswer, SyncResult } from '@/core/types'

export type Mishap = 'none' | 'lost_request' | 'lost_answer' | 'half_answer' | 'server_error'

/** What becomes of an entry that is new. */
type Decided = NonNullable<SyncResult['was']>

interface Stored {
  payload: string
  seq: number
  prev: string
  result: Decided
}

export class ModelServer implements Server {
  readonly stored = new Map<string, Stored>()
  readonly applications = new Map<string, number>() // how often each entry took effect
  readonly registered = new Set<string>()
  readonly requests: SyncRequest[] = []
  mishaps: Mishap[] = []
  decide: (id: string, kind: string) => Decided = () => ({ status: 'applied', reasons: [] })

  register(log: string): Promise<unknown> {
    this.registered.add(log)
    return Promise.resolve({})
  }

  async sync(request: SyncRequest): Promise<SyncAnswer> {
    const mishap = this.mishaps.shift() ?? 'none'
    if (mishap === 'lost_request') throw new Unreachable(new Error('cut'))
    if (mishap === 'server_error') throw new ApiProblem(503, 'unavailable', '')
    if (!this.registered.has(request.log)) throw new ApiProblem(404, 'log-unknown', '')
    this.requests.push(structuredClone(request))
    const results: SyncResult[] = []
    for (const entry of request.entries) results.push(await this.take(entry.id, entry.payload))
    if (mishap === 'lost_answer') throw new Unreachable(new Error('cut'))
    const told = mishap === 'half_answer' ? results.slice(0, Math.ceil(results.length / 2)) : results
    return { received_at: new Date().toISOString(), clock_skew_s: 0, results: told, resolved: [] }
  }

  private async take(id: string, payload: string): Promise<SyncResult> {
    const known = this.stored.get(id)
    if (known?.payload === payload) return { id, status: 'already', was: known.result }
    if (known) return { id, status: 'refused', problem: '/problems/entry-id-reused', detail: '' }
    const content = JSON.parse(payload) as { seq: number; prev: string; kind: string }
    const result = this.decide(id, content.kind)
    this.stored.set(id, { payload, seq: content.seq, prev: content.prev, result })
    this.applications.set(id, (this.applications.get(id) ?? 0) + 1)
    return { id, ...result }
  }

  /** The numbers of one log, in the order of the chain; throws where the chain is broken. */
  async chain(log: string): Promise<number[]> {
    const rows = [...this.stored.values()]
      .filter((row) => (JSON.parse(row.payload) as { log: string }).log === log)
      .sort((a, b) => a.seq - b.seq)
    let prev = '0'.repeat(64)
    for (const row of rows) {
      if (row.prev !== prev) throw new Error(`entry ${row.seq} does not follow`)
      prev = await hashOf(row.payload)
    }
    return rows.map((row) => row.seq)
  }
}
