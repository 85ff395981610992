/**
 * Follows the live stream: connects with the access token, resumes after the last event seen, renews
 * the token when the server closes at its expiry, and says at any time how fresh the page is. Where no
 * stream can be had, it asks the page to poll and goes on trying.
 */
import { API_BASE, ApiProblem, Unreachable, type Fetch } from '@/core/http'

import { EventStreamParser, type StreamEvent } from './sse'
import type { LiveEvent } from './types'

/** `polling` means: no stream for now, the page looks by itself every `POLL_MS`. */
export type LiveState = 'connecting' | 'live' | 'reconnecting' | 'polling'

export const POLL_MS = 15_000
/** The server sends a comment every 15 s; more than two missing means that the line is dead. */
export const SILENCE_MS = 40_000
const BACKOFF_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000] as const
/** A connection that ends sooner counts as a failure, or a broken server would be called in a tight loop. */
const SHORTEST_MS = 1_000
/** After so many failures in a row the page polls. */
const FAILURES_BEFORE_POLLING = 3

export interface LiveParts {
  bearer: () => Promise<string>
  dropToken: () => void
  onEvent: (event: LiveEvent) => void
  /** What the page shows may be behind: read it again. */
  onStale: () => void
  onState: (state: LiveState) => void
  /** The server was heard: an answer, an event or the comment that it sends every 15 s. */
  onContact: () => void
  fetcher?: Fetch
  /** Resolves after `ms`, or at once when the signal fires. */
  pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

export class LiveStream {
  private readonly stopper = new AbortController()
  private lastId = ''
  private failures = 0
  private polling: ReturnType<typeof setInterval> | null = null

  constructor(private readonly parts: LiveParts) {}

  /** Runs until `stop`. */
  async run(): Promise<void> {
    const { signal } = this.stopper
    const pause = this.parts.pause ?? pauseFor
    this.parts.onState('connecting')
    while (!signal.aborted) {
      const opened = await this.follow()
      if (signal.aborted) break
      if (opened) continue // closed in order, for example because the token ran out: come back at once
      this.failed()
      const step = Math.min(this.failures - 1, BACKOFF_MS.length - 1)
      await pause((BACKOFF_MS[step] ?? 1_000) * (0.75 + Math.random() / 2), signal)
    }
  }

  stop(): void {
    this.stopper.abort()
    this.endPolling()
  }

  /** One connection, from opening to close; true where it had lasted and was closed in order. */
  private async follow(): Promise<boolean> {
    const line = new AbortController()
    const hangUp = (): void => line.abort()
    this.stopper.signal.addEventListener('abort', hangUp)
    let silence = setTimeout(hangUp, SILENCE_MS)
    const since = Date.now()
    try {
      const body = await this.open(line.signal)
      this.opened()
      const reader = body.pipeThrough(new TextDecoderStream()).getReader()
      const parser = new EventStreamParser()
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        clearTimeout(silence)
        silence = setTimeout(hangUp, SILENCE_MS)
        this.parts.onContact()
        for (const event of parser.push(part.value)) this.take(event)
      }
      return Date.now() - since > SHORTEST_MS
    } catch (error) {
      if (!isLineTrouble(error)) throw error
      if (error instanceof ApiProblem && error.status === 401) this.parts.dropToken()
      return false
    } finally {
      clearTimeout(silence)
      this.stopper.signal.removeEventListener('abort', hangUp)
    }
  }

  private async open(signal: AbortSignal): Promise<ReadableStream<BufferSource>> {
    const headers: Record<string, string> = {
      Accept: 'text/event-stream',
      Authorization: `Bearer ${await this.parts.bearer()}`,
    }
    if (this.lastId !== '') headers['Last-Event-ID'] = this.lastId
    const response = await (this.parts.fetcher ?? fetch)(`${API_BASE}/live`, { headers, signal, cache: 'no-store' })
    const isStream = (response.headers.get('Content-Type') ?? '').startsWith('text/event-stream')
    if (!response.ok || !isStream || response.body === null) {
      throw new ApiProblem(response.status, 'unavailable', 'no live stream')
    }
    return response.body as ReadableStream<BufferSource>
  }

  private opened(): void {
    this.failures = 0
    this.endPolling()
    this.parts.onState('live')
    this.parts.onContact()
    // Without an id the stream starts now: whatever happened since the page was read is not in it
    if (this.lastId === '') this.parts.onStale()
  }

  private failed(): void {
    this.failures += 1
    if (this.failures < FAILURES_BEFORE_POLLING) {
      this.parts.onState('reconnecting')
    } else if (this.polling === null) {
      this.parts.onState('polling')
      this.parts.onStale()
      this.polling = setInterval(this.parts.onStale, POLL_MS)
    }
  }

  private endPolling(): void {
    if (this.polling !== null) clearInterval(this.polling)
    this.polling = null
  }

  private take(event: StreamEvent): void {
    this.lastId = event.id
    if (event.event === 'reset') {
      this.lastId = ''
      this.parts.onStale()
    } else if (event.event === 'ledger') {
      this.parts.onEvent(JSON.parse(event.data) as LiveEvent)
    }
  }
}

/** A cut line, a dead server, a refused token or a garbled event: all mended by connecting again. */
function isLineTrouble(error: unknown): boolean {
  return (
    error instanceof ApiProblem ||
    error instanceof Unreachable ||
    error instanceof TypeError || // how fetch and streams report a broken line
    error instanceof DOMException || // the silence timer hung up
    error instanceof SyntaxError
  )
}

function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** Runs `work` at once, and at most once per `everyMs` however often it is asked for. */
export function atMostEvery(everyMs: number, work: () => void): () => void {
  let last = -Infinity
  let waiting = false
  const run = (): void => {
    waiting = false
    last = Date.now()
    work()
  }
  return () => {
    if (waiting) return
    const wait = last + everyMs - Date.now()
    if (wait <= 0) return run()
    waiting = true
    setTimeout(run, wait)
  }
}
