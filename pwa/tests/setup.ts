import 'fake-indexeddb/auto'

import { IDBFactory } from 'fake-indexeddb'
import { beforeEach } from 'vitest'

import { closeDatabase } from '@/core/db'

/** Web Locks for node: the same promises in the same order as the browser's, within one process. */
class Locks {
  private readonly tails = new Map<string, Promise<unknown>>()

  async request<T>(name: string, ...rest: unknown[]): Promise<T> {
    const options = (rest.length > 1 ? rest[0] : {}) as { ifAvailable?: boolean }
    const work = rest.at(-1) as (lock: object | null) => Promise<T>
    const before = this.tails.get(name)
    if (options.ifAvailable && before) return work(null)
    const done = (before ?? Promise.resolve()).then(() => work({ name }))
    const tail = done.then(
      () => undefined,
      () => undefined,
    )
    this.tails.set(name, tail)
    await tail
    if (this.tails.get(name) === tail) this.tails.delete(name)
    return done
  }
}

// Some versions of node have a navigator without locks, some have none at all
Object.defineProperty(globalThis, 'navigator', { value: { locks: new Locks() }, configurable: true })

beforeEach(async () => {
  await closeDatabase()
  globalThis.indexedDB = new IDBFactory()
})
