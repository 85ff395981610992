// Who is signed in: across tabs, across reloads, and without network.
import { describe, expect, it } from 'vitest'

import type { Fetch } from '@/core/http'
import { Session } from '@/core/session'
import type { User } from '@/core/types'

const user = (id: string): User => ({ id, username: id, display_name: id, display_name_en: id, street_code: 's', posts: [], verbs: [] })

/** One browser: the cookie and the memory that its tabs share, and the server behind it. */
function browser() {
  const shared = { cookie: null as string | null, csrf: false, last: null as User | null, offline: false, refreshes: 0 }
  const tabs: { onmessage: ((event: MessageEvent) => void) | null }[] = []
  const answer = (who: string) => {
    shared.cookie = who
    shared.csrf = true
    return Response.json({ access_token: `token of ${who}`, expires_in: 900, user: user(who) })
  }
  const problem = (status: number, slug: string) =>
    new Response(JSON.stringify({ type: `/problems/${slug}`, status }), { status, headers: { 'Content-Type': 'application/problem+json' } })
  const fetcher: Fetch = (address, init) => {
    if (shared.offline) return Promise.reject(new TypeError('offline'))
    if (address.endsWith('/sessions')) {
      const { username } = JSON.parse(String(init.body)) as { username: string }
      return Promise.resolve(username === 'stranger' ? problem(401, 'wrong-credentials') : answer(username))
    }
    shared.refreshes += 1
    return Promise.resolve(shared.cookie ? answer(shared.cookie) : problem(401, 'session-ended'))
  }
  const tab = () => {
    const channel = {
      onmessage: null as ((event: MessageEvent) => void) | null,
      postMessage: (data: unknown) => tabs.filter((other) => other !== channel).forEach((other) => other.onmessage?.({ data } as MessageEvent)),
    }
    tabs.push(channel)
    return new Session({
      memory: {
        read: () => Promise.resolve(shared.last),
        write: (who) => {
          shared.last = who
          return Promise.resolve()
        },
      },
      exclusive: (_name, work) => work(),
      readCsrf: () => (shared.cookie && shared.csrf ? 'csrf' : null),
      dropCsrf: () => {
        shared.csrf = false
      },
      channel,
      fetcher,
    })
  }
  return { shared, tab }
}

describe('session', () => {
  it('starts signed out where nobody was', async () => {
    const session = browser().tab()
    await session.start()
    expect(session.state).toEqual({ kind: 'signed_out', because: 'never' })
  })

  it('starts offline as the last person, and goes online when it can', async () => {
    const { shared, tab } = browser()
    await tab().signIn('anna', 'x')
    shared.offline = true
    const session = tab()
    await session.start()
    expect(session.state).toMatchObject({ kind: 'offline', user: { id: 'anna' } })
    shared.offline = false
    expect(await session.bearer()).toBe('token of anna')
    expect(session.state.kind).toBe('online')
  })

  it('refreshes once for many calls at the same time', async () => {
    const { shared, tab } = browser()
    const session = tab()
    await session.signIn('anna', 'x')
    session.dropToken()
    await Promise.all([session.bearer(), session.bearer(), session.bearer()])
    expect(shared.refreshes).toBe(1)
  })

  it('says that the session has ended when the server says so, and not before', async () => {
    const { shared, tab } = browser()
    const session = tab()
    await session.signIn('anna', 'x')
    session.dropToken()
    shared.offline = true
    await expect(session.bearer()).rejects.toThrow()
    expect(session.user?.id).toBe('anna')
    shared.offline = false
    shared.cookie = null
    await expect(session.bearer()).rejects.toThrow()
    expect(session.state).toEqual({ kind: 'signed_out', because: 'ended' })
  })

  it('asks nothing more while it signs out, and lets go of what was asked', async () => {
    const { tab, shared } = browser()
    const session = tab()
    await session.signIn('anna', 'x')
    const { signal } = session
    const out = session.signOut()
    await Promise.resolve()
    await Promise.resolve()
    session.dropToken() // an answer from before says 401
    await expect(session.bearer()).rejects.toMatchObject({ status: 401, slug: 'not-signed-in' })
    await out
    expect(signal.aborted).toBe(true)
    expect(shared.refreshes).toBe(1) // the sign-out itself, which this server answers like a refresh
    expect(session.state).toEqual({ kind: 'signed_out', because: 'left' })
  })

  it('goes on as before where the sign-out did not reach the server', async () => {
    const { tab, shared } = browser()
    const session = tab()
    await session.signIn('anna', 'x')
    shared.offline = true
    await expect(session.signOut()).rejects.toThrow()
    shared.offline = false
    expect(session.user?.id).toBe('anna')
    expect(session.signal.aborted).toBe(false)
    expect(await session.bearer()).toBe('token of anna')
  })

  it('signs nobody in again after a sign-out without network', async () => {
    const { shared, tab } = browser()
    const session = tab()
    await session.signIn('anna', 'x')
    shared.offline = true
    await session.forget()
    shared.offline = false
    const next = tab()
    await next.start()
    expect(next.state).toEqual({ kind: 'signed_out', because: 'never' })
  })

  it('keeps who is signed in when a sign-in fails', async () => {
    const session = browser().tab()
    await expect(session.signIn('stranger', 'x')).rejects.toMatchObject({ slug: 'wrong-credentials' })
    expect(session.user).toBeNull()
  })

  it('stops a tab whose cookie belongs to somebody else now, told or not', async () => {
    const { shared, tab } = browser()
    const [first, second] = [tab(), tab()]
    await first.signIn('anna', 'x')
    await second.signIn('bai', 'x')
    await Promise.resolve()
    expect(first.state).toMatchObject({ kind: 'switched', user: { id: 'anna' }, other: { id: 'bai' } })
    await expect(first.bearer()).rejects.toThrow()
    const third = tab()
    await third.start()
    shared.cookie = 'anna' // a tab of an older version says nothing to the others
    third.dropToken()
    await expect(third.bearer()).rejects.toThrow()
    expect(third.state).toMatchObject({ kind: 'switched', other: { id: 'anna' } })
    await third.yield()
    expect(shared.last?.id).toBe('anna')
  })
})
