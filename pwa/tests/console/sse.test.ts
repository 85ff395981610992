// The event stream is read right wherever the network cuts it.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { EventStreamParser, type StreamEvent } from '@/console/sse'

const STREAM =
  ': ping\n\n' +
  'id: 7-1\nevent: ledger\ndata: {"action":"check_in.recorded","名":"梅岭"}\n\n' +
  'event: reset\r\ndata:\r\n\r\n' +
  'data: first\rdata: second\r\r' +
  'retry: 3000\nunknown: x\nid\ndata\n\n' +
  'event: never\n\n' +
  'id: 8-2\ndata:  two spaces\n\n' +
  'data: unfinished'

const EVENTS: StreamEvent[] = [
  { event: 'ledger', data: '{"action":"check_in.recorded","名":"梅岭"}', id: '7-1' },
  { event: 'reset', data: '', id: '7-1' },
  { event: 'message', data: 'first\nsecond', id: '7-1' },
  { event: 'message', data: '', id: '' },
  { event: 'message', data: ' two spaces', id: '8-2' },
]

function read(chunks: string[]): StreamEvent[] {
  const parser = new EventStreamParser()
  return chunks.flatMap((chunk) => parser.push(chunk))
}

describe('EventStreamParser', () => {
  it('reads a stream in one piece', () => {
    expect(read([STREAM])).toEqual(EVENTS)
  })

  it('reads it letter by letter', () => {
    expect(read([...STREAM])).toEqual(EVENTS)
  })

  it('reads it cut anywhere', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: STREAM.length }), { maxLength: 12 }), (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), STREAM.length]
        const chunks = edges.slice(1).map((edge, index) => STREAM.slice(edges[index], edge))
        expect(read(chunks)).toEqual(EVENTS)
      }),
    )
  })

  it('drops a byte order mark at the start and nowhere else', () => {
    expect(read(['', '\uFEFFdata: a\n\n', 'data: \uFEFFb\n\n']).map((event) => event.data)).toEqual(['a', '\uFEFFb'])
  })
})
