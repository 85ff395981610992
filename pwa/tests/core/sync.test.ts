// The server gets each entry exactly once and nothing is lost, whatever the network does.
import fc from 'fast-check'
import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'

import { byteLength } from '@/core/chain'
import { closeDatabase, database, readKept } from '@/core/db'
import { ApiProblem } from '@/core/http'
import { uuid7 } from '@/core/ids'
import { append, openLog } from '@/core/log'
import { MAX_BYTES, MAX_ENTRIES, backoffMs, flush } from '@/core/sync'

import { ModelServer, type Mishap } from './server'

const ANNA = uuid7()
const BAI = uuid7()
const note = (id = uuid7()) => ({ id, kind: 'gap' as const, body: { cause: 'unknown' } })

describe('flush', () => {
  it('registers the key, sends oldest first and empties the log', async () => {
    const server = new ModelServer()
    for (let index = 0; index < 5; index += 1) await append(ANNA, note())
    expect(await flush(ANNA, server, 'phone')).toEqual({ outcome: 'drained', sent: 5 })
    const log = await openLog(ANNA)
    expect(await server.chain(log.log)).toEqual([1, 2, 3, 4, 5])
    expect(log.registered_at).not.toBeNull()
    expect(log.last_sync_at).not.toBeNull()
    const kept = await readKept(ANNA)
    expect(kept.entries).toHaveLength(0)
    expect(kept.settled).toHaveLength(5)
  })

  it('keeps every entry when there is no answer', async () => {
    const server = new ModelServer()
    server.mishaps = ['lost_answer']
    await append(ANNA, note())
    expect(await flush(ANNA, server, '')).toMatchObject({ outcome: 'failed', sent: 0 })
    expect((await readKept(ANNA)).entries).toHaveLength(1)
    expect(await flush(ANNA, server, '')).toEqual({ outcome: 'drained', sent: 1 })
    expect([...server.applications.values()]).toEqual([1])
  })

  it('moves a refused entry to where it needs attention, with its words', async () => {
    const server = new ModelServer()
    server.decide = () => ({ status: 'refused', problem: '/problems/off-duty', detail: 'no shift' })
    const entry = note()
    await append(ANNA, entry)
    await flush(ANNA, server, '')
    const { attention, entries } = await readKept(ANNA)
    expect(entries).toHaveLength(0)
    expect(attention).toMatchObject([{ id: entry.id, problem: 'off-duty', detail: 'no shift', body: entry.body }])
    expect(attention[0]?.payload).toContain(entry.id)
  })

  it('learns of a refusal although its first answer was lost', async () => {
    const server = new ModelServer()
    server.decide = () => ({ status: 'refused', problem: '/problems/round-closed', detail: '' })
    server.mishaps = ['lost_answer']
    await append(ANNA, note())
    await flush(ANNA, server, '')
    await flush(ANNA, server, '')
    expect((await readKept(ANNA)).attention).toMatchObject([{ problem: 'round-closed' }])
  })

  it('remembers a held entry until it is resolved', async () => {
    const server = new ModelServer()
    const parent = uuid7()
    server.decide = () => ({ status: 'held', waits_for: parent })
    const entry = note()
    await append(ANNA, entry)
    await flush(ANNA, server, '')
    expect((await readKept(ANNA)).held).toMatchObject([{ id: entry.id, waits_for: parent }])
    await append(ANNA, note())
    const answer = server.sync.bind(server)
    server.decide = () => ({ status: 'applied' })
    server.sync = async (request) => ({
      ...(await answer(request)),
      resolved: [{ id: entry.id, status: 'refused', problem: '/problems/no-such-shift', detail: '' }],
    })
    await flush(ANNA, server, '')
    const kept = await readKept(ANNA)
    expect(kept.held).toHaveLength(0)
    expect(kept.attention).toMatchObject([{ id: entry.id, problem: 'no-such-shift', payload: null }])
  })

  it('registers again where the server has forgotten the log', async () => {
    const server = new ModelServer()
    await append(ANNA, note())
    await flush(ANNA, server, '')
    server.registered.clear()
    await append(ANNA, note())
    expect(await flush(ANNA, server, '')).toMatchObject({ outcome: 'failed' })
    expect(await flush(ANNA, server, '')).toEqual({ outcome: 'drained', sent: 1 })
  })

  it('finds the one entry that spoils a request, by halving', async () => {
    const server = new ModelServer()
    const ids = Array.from({ length: 7 }, () => uuid7())
    for (const id of ids) await append(ANNA, note(id))
    const take = server.sync.bind(server)
    server.sync = (request) =>
      request.entries.some((entry) => entry.id === ids[4])
        ? Promise.reject(new ApiProblem(422, 'invalid', ''))
        : take(request)
    expect(await flush(ANNA, server, '')).toMatchObject({ outcome: 'failed', sent: 4 })
    expect((await readKept(ANNA)).entries.map((entry) => entry.id)).toEqual(ids.slice(4))
  })

  it('leaves alone what the server gave no result for, and strangers’ results', async () => {
    const server = new ModelServer()
    await append(ANNA, note())
    server.sync = () =>
      Promise.resolve({ received_at: '', clock_skew_s: 0, resolved: [], results: [{ id: uuid7(), status: 'applied' }] })
    expect(await flush(ANNA, server, '')).toMatchObject({ outcome: 'failed' })
    expect((await readKept(ANNA)).entries).toHaveLength(1)
  })

  it('sends at most 500 entries and one megabyte in a request', async () => {
    const server = new ModelServer()
    const db = await database()
    const log = await openLog(ANNA)
    for (let seq = 1; seq <= 620; seq += 1) {
      const id = uuid7()
      const filler = seq > 520 ? '"'.repeat(12_000) : ''
      const payload = JSON.stringify({ id, log: log.log, seq, prev: '', kind: 'gap', filler })
      await db.add('entries', { id, user: ANNA, log: log.log, seq, kind: 'gap', at: '', payload, signature: 's'.repeat(86), body: {} })
    }
    expect(await flush(ANNA, server, '')).toEqual({ outcome: 'drained', sent: 620 })
    expect(server.requests.length).toBeGreaterThan(2)
    for (const request of server.requests) {
      expect(request.entries.length).toBeLessThanOrEqual(MAX_ENTRIES)
      expect(byteLength(JSON.stringify(request))).toBeLessThanOrEqual(MAX_BYTES + 500)
    }
  })

  it('lets one tab send at a time', async () => {
    const server = new ModelServer()
    await append(ANNA, note())
    const both = await Promise.all([flush(ANNA, server, ''), flush(ANNA, server, '')])
    expect(both.map((flushed) => flushed.outcome).sort()).toEqual(['busy', 'drained'])
    expect(server.requests).toHaveLength(1)
  })

  it('never touches the log of the person who signed in before', async () => {
    const server = new ModelServer()
    for (let index = 0; index < 3; index += 1) await append(ANNA, note())
    await append(BAI, note())
    await flush(BAI, server, '')
    expect((await readKept(ANNA)).entries).toHaveLength(3)
    expect(await flush(ANNA, server, '')).toEqual({ outcome: 'drained', sent: 3 })
  })
})

type Move = { do: 'append'; person: 0 | 1 } | { do: 'tap_again' } | { do: 'flush'; person: 0 | 1; mishap: Mishap } | { do: 'restart' }

const person = fc.constantFrom(0 as const, 1 as const)
const mishap = fc.constantFrom<Mishap>('none', 'lost_request', 'lost_answer', 'half_answer', 'server_error')
const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({ do: fc.constant('append' as const), person }),
  fc.record({ do: fc.constant('tap_again' as const) }),
  fc.record({ do: fc.constant('flush' as const), person, mishap }),
  fc.record({ do: fc.constant('restart' as const) }),
)

describe('properties', () => {
  it('each entry takes effect exactly once and none is lost, in any order of events', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(move, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), async (rounds) => {
        await closeDatabase()
        globalThis.indexedDB = new IDBFactory()
        const server = new ModelServer()
        const people = [ANNA, BAI] as const
        const written: { user: string; id: string }[] = []
        const act = async (one: Move): Promise<void> => {
          if (one.do === 'append') {
            const draft = note()
            written.push({ user: people[one.person], id: draft.id })
            await append(people[one.person], draft)
          } else if (one.do === 'tap_again') {
            const last = written.at(-1)
            if (last) await append(last.user, note(last.id))
          } else if (one.do === 'flush') {
            server.mishaps.push(one.mishap)
            await flush(people[one.person], server, '')
          }
        }
        for (const together of rounds) {
          await Promise.all(together.map(act)) // interleaved, as two tabs would
          if (together.some((one) => one.do === 'restart')) await closeDatabase()
          for (const { user, id } of written) {
            const onPhone = (await readKept(user)).entries.some((entry) => entry.id === id)
            expect(onPhone || server.stored.has(id)).toBe(true)
          }
        }
        server.mishaps = []
        for (const user of people) {
          await flush(user, server, '')
          await flush(user, server, '')
          expect((await readKept(user)).entries).toHaveLength(0)
          const log = await openLog(user)
          const count = written.filter((entry) => entry.user === user).length
          expect(await server.chain(log.log)).toEqual(Array.from({ length: count }, (_, index) => index + 1))
        }
        expect(server.applications.size).toBe(written.length)
        expect([...server.applications.values()].every((times) => times === 1)).toBe(true)
      }),
      { numRuns: 60 },
    )
  }, 60_000)

  it('waits longer after each failure, up to five minutes, never less than the server asks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
        const wait = backoffMs(failures, null, random)
        expect(wait).toBeGreaterThanOrEqual(1_000)
        expect(wait).toBeLessThanOrEqual(300_000)
        expect(backoffMs(failures, 400, random)).toBeGreaterThanOrEqual(400_000)
      }),
    )
  })
})
