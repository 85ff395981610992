// Calls are held against the server's contract by the type checker: this file does not compile where not.
import { describe, expect, expectTypeOf, it } from 'vitest'

import { Api } from '@/core/api'
import type { Answer, Body, Path } from '@/core/contract'
import type { Feed, SyncAnswer } from '@/core/types'

describe('a path', () => {
  it('decides what comes back', () => {
    expectTypeOf<Answer<'get', '/field/feed'>>().toEqualTypeOf<Feed>()
    expectTypeOf<Answer<'post', '/sync'>>().toEqualTypeOf<SyncAnswer>()
    expectTypeOf<Answer<'get', `/rounds/${string}`>>().toHaveProperty('stops')
    expectTypeOf<Answer<'get', `/rounds/${string}/track`>>().toHaveProperty('fixes')
    expectTypeOf<Answer<'delete', `/routes/${string}`>>().toEqualTypeOf<null>()
  })

  it('decides what is sent', () => {
    expectTypeOf<Body<'post', `/reviews/${string}/decisions`>['decision']>().toEqualTypeOf<'accepted' | 'rejected'>()
    expectTypeOf<'/boards'>().not.toExtend<Path<'get'>>()
  })

  it('is asked below /api/v1, with what narrows it', async () => {
    const asked: string[] = []
    const fetcher = (input: RequestInfo | URL) => {
      asked.push(String(input))
      return Promise.resolve(Response.json({ items: [], next_cursor: null }))
    }
    const session = { bearer: () => Promise.resolve('token'), dropToken: () => undefined, signal: new AbortController().signal }
    const api = new Api(session, fetcher)
    expect((await api.get('/reviews', { state: 'open', cursor: null })).items).toEqual([])
    // @ts-expect-error the contract knows no such state
    await api.get('/reviews', { state: 'lost' })
    expect(asked).toEqual(['/api/v1/reviews?state=open', '/api/v1/reviews?state=lost'])
  })
})
