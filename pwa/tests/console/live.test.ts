// The live stream resumes after the last event, renews its token, and falls back to polling.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { LiveStream, POLL_MS, SILENCE_MS, atMostEvery, type LiveState } from '@/console/live'
import { ApiProblem, Unreachable } from '@/core/http'
import type { LiveEvent } from '@/console/types'

/** A connection as the server would hold it. */
class Line {
  private controller: ReadableStreamDefaultController<Uint8Array> | null = null
  readonly response: Response
  readonly headers: Headers

  constructor(init: RequestInit) {
    this.headers = new Headers(init.headers)
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (this.controller = controller) })
    this.response = new Response(body, { headers: { 'Content-Type': 'text/event-stream; charset=utf-8' } })
    init.signal?.addEventListener('abort', () => this.controller?.error(new DOMException('aborted', 'AbortError')))
  }

  send(text: string): void {
    this.controller?.enqueue(new TextEncoder().encode(text))
  }

  close(): void {
    this.controller?.close()
  }

  cut(): void {
    this.controller?.error(new TypeError('network error'))
  }
}

const EVENT: LiveEvent = {
  at: '2026-11-23T01:00:00Z',
  action: 'check_in.recorded',
  subject_kind: 'check_in',
  subject_id: '1',
  place_code: '310107005',
  data: {},
}
const wire = (id: string): string => `id: ${id}\nevent: ledger\ndata: ${JSON.stringify(EVENT)}\n\n`

function stage(answer: (init: RequestInit) => Promise<Response>) {
  const seen = { states: [] as LiveState[], events: [] as LiveEvent[], stale: 0, dropped: 0, contacts: 0, pauses: [] as number[] }
  const stream = new LiveStream({
    bearer: () => Promise.resolve('token'),
    dropToken: () => void (seen.dropped += 1),
    onEvent: (event) => void seen.events.push(event),
    onStale: () => void (seen.stale += 1),
    onState: (state) => void seen.states.push(state),
    onContact: () => void (seen.contacts += 1),
    fetcher: (_path, init) => answer(init),
    pause: (ms) => {
      seen.pauses.push(ms)
      return new Promise((resolve) => setTimeout(resolve, ms))
    },
  })
  return { stream, seen }
}

function lines() {
  const opened: Line[] = []
  const answer = (init: RequestInit): Promise<Response> => {
    const line = new Line(init)
    opened.push(line)
    return Promise.resolve(line.response)
  }
  return { opened, answer }
}

const settle = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('LiveStream', () => {
  it('carries the token, tells events, and has the page read once at the start', async () => {
    const { opened, answer } = lines()
    const { stream, seen } = stage(answer)
    void stream.run()
    await settle()
    expect(opened[0]?.headers.get('Authorization')).toBe('Bearer token')
    expect(opened[0]?.headers.has('Last-Event-ID')).toBe(false)
    expect(seen).toMatchObject({ states: ['connecting', 'live'], stale: 1 })
    opened[0]?.send(wire('7-1'))
    await settle()
    expect(seen.events).toEqual([EVENT])
    stream.stop()
  })

  it('comes back at once after an orderly close and resumes after the last event', async () => {
    const { opened, answer } = lines()
    const { stream, seen } = stage(answer)
    void stream.run()
    await settle(5_000)
    opened[0]?.send(wire('7-1'))
    await settle()
    opened[0]?.close()
    await settle()
    expect(opened[1]?.headers.get('Last-Event-ID')).toBe('7-1')
    expect(seen.pauses).toEqual([])
    expect(seen.stale).toBe(1) // nothing was missed, so nothing is read again
    stream.stop()
  })

  it('does not call a server in a tight loop that hangs up at once', async () => {
    const { opened, answer } = lines()
    const { stream, seen } = stage(answer)
    void stream.run()
    await settle()
    opened[0]?.close()
    await settle()
    expect(opened).toHaveLength(1)
    expect(seen.pauses).toHaveLength(1)
    stream.stop()
  })

  it('has the page read again on reset and forgets where it was', async () => {
    const { opened, answer } = lines()
    const { stream, seen } = stage(answer)
    void stream.run()
    await settle(5_000)
    opened[0]?.send(`${wire('7-1')}id: 9-9\nevent: reset\ndata: {}\n\n`)
    await settle()
    expect(seen.stale).toBe(2)
    opened[0]?.close()
    await settle()
    expect(opened[1]?.headers.has('Last-Event-ID')).toBe(false)
    stream.stop()
  })

  it('reconnects after a cut and after a silence that is too long', async () => {
    const { opened, answer } = lines()
    const { stream, seen } = stage(answer)
    void stream.run()
    await settle(5_000)
    opened[0]?.cut()
    await settle(2_000)
    expect(seen.states).toEqual(['connecting', 'live', 'reconnecting', 'live'])
    const contacts = seen.contacts
    opened[1]?.send(': ping\n\n')
    await settle()
    expect(seen.contacts).toBe(contacts + 1) // a comment says that all is well, and nothing else
    expect(seen.events).toEqual([])
    await settle(SILENCE_MS - 1_000)
    expect(opened).toHaveLength(2)
    await settle(4_000)
    expect(opened).toHaveLength(3)
    stream.stop()
  })

  it('polls when no stream can be had, says so, and stops polling when one comes back', async () => {
    const { opened, answer } = lines()
    let up = false
    const { stream, seen } = stage((init) => (up ? answer(init) : Promise.reject(new TypeError('refused'))))
    void stream.run()
    await settle(10_000)
    expect(seen.states).toEqual(['connecting', 'reconnecting', 'reconnecting', 'polling'])
    const before = seen.stale
    await settle(POLL_MS * 3)
    expect(seen.stale - before).toBeGreaterThanOrEqual(3)
    up = true
    for (let second = 0; second < 60 && opened.length === 0; second += 1) await settle(1_000)
    expect(opened).toHaveLength(1)
    expect(seen.states.at(-1)).toBe('live')
    const after = seen.stale
    opened[0]?.send(': ping\n\n')
    await settle(SILENCE_MS - 1_000)
    expect(seen.stale).toBe(after)
    stream.stop()
  })

  it('drops a refused token so that the next try brings a fresh one', async () => {
    const { stream, seen } = stage(() => Promise.resolve(new Response('', { status: 401 })))
    void stream.run()
    await settle()
    expect(seen.dropped).toBe(1)
    stream.stop()
  })

  it('takes a session that cannot be renewed for a failure, not for the end of the page', async () => {
    for (const error of [new Unreachable(null), new ApiProblem(401, 'session-ended', '')]) {
      const { stream, seen } = stage(() => Promise.reject(error))
      void stream.run()
      await settle()
      expect(seen.states).toContain('reconnecting')
      stream.stop()
    }
  })

  it('is quiet after stop', async () => {
    const { opened, answer } = lines()
    const { stream } = stage(answer)
    const run = stream.run()
    await settle()
    stream.stop()
    await settle(120_000)
    await run
    expect(opened).toHaveLength(1)
  })
})

describe('atMostEvery', () => {
  it('works at once, then at most once a second, and never forgets the last wish', async () => {
    const work = vi.fn()
    const ask = atMostEvery(1_000, work)
    ask()
    ask()
    ask()
    expect(work).toHaveBeenCalledTimes(1)
    await settle(1_000)
    expect(work).toHaveBeenCalledTimes(2)
    await settle(5_000)
    expect(work).toHaveBeenCalledTimes(2)
  })
})
