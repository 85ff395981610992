// An entry is written once and completely, whatever happens around it.
import { describe, expect, it, vi } from 'vitest'

import { hashOf, verify } from '@/core/chain'
import { closeDatabase, database, isFull, readKept } from '@/core/db'
import { uuid7 } from '@/core/ids'
import { EntryTooLarge, append, exportUnsent, openLog } from '@/core/log'

const ANNA = uuid7()
const BAI = uuid7()
const note = (id = uuid7()) => ({ id, kind: 'gap' as const, body: { cause: 'unknown' } })

describe('append', () => {
  it('numbers, links and signs entries as the format says', async () => {
    for (let index = 0; index < 3; index += 1) await append(ANNA, note())
    const { entries, log } = await readKept(ANNA)
    let prev = '0'.repeat(64)
    for (const [index, entry] of entries.entries()) {
      const content = JSON.parse(entry.payload) as Record<string, unknown>
      expect(Object.keys(content)).toEqual(['v', 'id', 'log', 'device', 'user', 'seq', 'prev', 'kind', 'at', 'body'])
      expect(content).toMatchObject({ v: 1, id: entry.id, log: log?.log, device: log?.device, user: ANNA, seq: index + 1, prev })
      expect(content.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      expect(log && (await verify(entry.payload, entry.signature, log.keys.publicKey))).toBe(true)
      prev = await hashOf(entry.payload)
    }
    expect(log).toMatchObject({ next_seq: 4, last_hash: prev })
  })

  it('makes one entry of two taps on one form, also after it has been sent', async () => {
    const form = note()
    expect(await Promise.all([append(ANNA, form), append(ANNA, form)])).toEqual(['appended', 'known'])
    await (await database()).delete('entries', form.id)
    expect(await append(ANNA, form)).toBe('known')
  })

  it('keeps the chain whole when many tabs write at once', async () => {
    await Promise.all(Array.from({ length: 25 }, () => append(ANNA, note())))
    const { entries } = await readKept(ANNA)
    expect(entries.map((entry) => entry.seq)).toEqual(Array.from({ length: 25 }, (_, index) => index + 1))
  })

  it('goes on with the same key and chain after a restart', async () => {
    await append(ANNA, note())
    const before = await openLog(ANNA)
    await closeDatabase()
    await append(ANNA, note())
    const after = await openLog(ANNA)
    expect(after.log).toBe(before.log)
    expect(after.next_seq).toBe(3)
  })

  it('gives each person a log and a key, and all of them one device', async () => {
    await append(ANNA, note())
    await append(BAI, note())
    const [anna, bai] = [await openLog(ANNA), await openLog(BAI)]
    expect(anna.log).not.toBe(bai.log)
    expect(anna.device).toBe(bai.device)
    expect((await readKept(ANNA)).entries).toHaveLength(1)
  })

  it('refuses an entry that the server could not take, and leaves the chain as it was', async () => {
    const large = { ...note(), body: { text: '字'.repeat(11_000) } }
    await expect(append(ANNA, large)).rejects.toBeInstanceOf(EntryTooLarge)
    await append(ANNA, note())
    expect((await readKept(ANNA)).entries.map((entry) => entry.seq)).toEqual([1])
  })

  it('loses nothing when the device is full', async () => {
    await append(ANNA, note())
    const full = vi.spyOn(IDBObjectStore.prototype, 'add').mockImplementation(() => {
      throw new DOMException('The quota has been exceeded.', 'QuotaExceededError')
    })
    const failed = await append(ANNA, note()).catch((error: unknown) => error)
    full.mockRestore()
    expect(isFull(failed)).toBe(true)
    await append(ANNA, note())
    const { entries, log } = await readKept(ANNA)
    expect(entries.map((entry) => entry.seq)).toEqual([1, 2])
    expect(log?.next_seq).toBe(3)
  })
})

it('exports what is unsent, in order, and removes nothing', async () => {
  for (let index = 0; index < 3; index += 1) await append(ANNA, note())
  const file = await exportUnsent(ANNA)
  expect(file.format).toBe('ironfeet-unsent-1')
  expect(file.entries.map((entry) => (JSON.parse(entry.payload) as { seq: number }).seq)).toEqual([1, 2, 3])
  expect((await readKept(ANNA)).entries).toHaveLength(3)
})

it('makes ids of version 7 that sort by time', () => {
  const ids = [1, 1_700_000_000_000, 1_763_888_523_456].map((moment) => uuid7(moment))
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect([...ids].sort()).toEqual(ids)
})
