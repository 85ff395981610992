// This browser is subscribed while the person wants it and may be told so, and never without.
import { beforeEach, describe, expect, it } from 'vitest'

import { renewPush, turnOffPush, turnOnPush, type PushParts } from '@/core/push'
import { readPush } from '@/worker/told'

const KEY = btoa('server key').replace(/=+$/, '')
const bytes = (text: string) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer

class Browser {
  granted: NotificationPermission | null = 'default'
  answer: NotificationPermission = 'granted'
  reaches = true
  hangs = false
  subscription: { key: ArrayBuffer; endpoint: string } | null = null
  made = 0
  readonly puts: { id: string; endpoint: string }[] = []
  readonly removed: string[] = []

  parts(user = 'anna'): PushParts {
    const manager = {
      getSubscription: () => Promise.resolve(this.subscription && this.shown()),
      subscribe: ({ applicationServerKey }: { applicationServerKey: Uint8Array<ArrayBuffer> }) => {
        if (this.hangs) return new Promise(() => undefined)
        if (!this.reaches) return Promise.reject(new DOMException('no push service', 'AbortError'))
        this.made += 1
        this.subscription = { key: applicationServerKey.buffer, endpoint: `https://push.example/${this.made}` }
        return Promise.resolve(this.shown())
      },
    }
    return {
      user,
      label: 'Android Chrome',
      server: {
        key: () => Promise.resolve(KEY),
        put: (id, { endpoint }) => Promise.resolve(this.puts.push({ id, endpoint })),
        remove: (id) => Promise.resolve(this.removed.push(id)),
      },
      registration: () => Promise.resolve(this.granted === null ? null : ({ pushManager: manager } as never)),
      permission: () => this.granted,
      ask: () => {
        this.granted = this.answer
        return Promise.resolve(this.answer)
      },
      patienceMs: 20,
    }
  }

  private shown() {
    const mine = this.subscription
    return {
      options: { applicationServerKey: mine?.key ?? null },
      toJSON: () => ({ endpoint: mine?.endpoint, keys: { p256dh: 'p', auth: 'a' } }),
      unsubscribe: () => {
        this.subscription = null
        return Promise.resolve(true)
      },
    }
  }
}

describe('pushes', () => {
  let browser: Browser
  beforeEach(() => {
    browser = new Browser()
  })

  it('are off until the person turns them on', async () => {
    browser.granted = 'granted'
    expect(await renewPush(browser.parts())).toBe('off')
    expect(browser.made).toBe(0)
    expect(await turnOnPush(browser.parts())).toBe('on')
    expect(browser.puts).toHaveLength(1)
  })

  it('are said again at every start, under the same id', async () => {
    await turnOnPush(browser.parts())
    expect(await renewPush(browser.parts())).toBe('on')
    expect(browser.made).toBe(1)
    expect(new Set(browser.puts.map((put) => put.id)).size).toBe(1)
    browser.subscription = null // the browser lost it
    expect(await renewPush(browser.parts())).toBe('on')
    expect(browser.puts.at(-1)?.endpoint).toBe('https://push.example/2')
  })

  it('are made anew for another key of the server', async () => {
    browser.granted = 'granted'
    await turnOnPush(browser.parts())
    browser.subscription = { key: bytes(btoa('old key')), endpoint: 'https://push.example/old' }
    expect(await renewPush(browser.parts())).toBe('on')
    expect(browser.puts.at(-1)?.endpoint).toBe('https://push.example/2')
  })

  it('say honestly why they are not there', async () => {
    browser.answer = 'denied'
    expect(await turnOnPush(browser.parts())).toBe('denied')
    browser.granted = null
    expect(await turnOnPush(browser.parts())).toBe('unsupported')
    browser.granted = 'granted'
    browser.reaches = false
    expect(await renewPush(browser.parts())).toBe('failed')
    browser.hangs = true
    expect(await renewPush(browser.parts())).toBe('failed')
  })

  it('end with a sign-out, and come back with the person', async () => {
    await turnOnPush(browser.parts())
    await turnOffPush(browser.parts(), true)
    expect(browser.subscription).toBeNull()
    expect(browser.removed).toEqual([browser.puts[0]?.id])
    expect(await renewPush(browser.parts('bai'))).toBe('off') // another person on this phone
    expect(await renewPush(browser.parts())).toBe('on')
  })

  it('stay off when the person turned them off', async () => {
    await turnOnPush(browser.parts())
    await turnOffPush(browser.parts())
    expect(await renewPush(browser.parts())).toBe('off')
  })
})

describe('what a push says', () => {
  const id = '01a20e4a-d608-7f64-97ec-58885a55870e'

  it('leads to the case that it is about', () => {
    const push = readPush(JSON.stringify({ title: '新案件', body: '跨门营业', tag: 't', lang: 'zh', urgent: true, receipt: 'r', subject_kind: 'case', subject_id: id }))
    expect(push).toEqual({ title: '新案件', body: '跨门营业', tag: 't', lang: 'zh-CN', urgent: true, receipt: 'r', path: `/field/cases/${id}` })
  })

  it('leads to the inbox where that is no case, and nowhere else', () => {
    expect(readPush(JSON.stringify({ title: 'x', subject_kind: 'post', subject_id: id })).path).toBe('/field/inbox')
    expect(readPush(JSON.stringify({ title: 'x', subject_kind: 'case', subject_id: '../../console' })).path).toBe('/field/inbox')
  })

  it.each([null, '', 'no json', '[]', '3', '{"title":4}'])('is shown even where it cannot be read: %s', (text) => {
    const push = readPush(text)
    expect(push.title).toContain('铁脚板')
    expect(push.body).not.toBe('')
  })
})
