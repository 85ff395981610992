// The board's filters, the page's steps, and what they say: the console's own arithmetic about cases.
import './page'

import { describe, expect, it } from 'vitest'

import { ENDED_STATES, LIVE_STATES, NO_FILTERS, askedFor, isNarrowed, readFilters, wishes, withFresh, writeFilters } from '@/console/cases/filters'
import { latestOfEach, readReach } from '@/console/cases/reach'
import { ASKS, actionsOf, complete, phoneSteps, type Action, type Filled } from '@/console/cases/steps'
import { nextWords, overtaker, ownersAfter, toldOf } from '@/console/cases/timeline'
import type { CaseCard, CaseDetail, CaseEvent } from '@/console/cases/types'
import { useLoad } from '@/console/useLoad'

describe('filters', () => {
  it('stand in the address and come out of it again', () => {
    const filters = { ...NO_FILTERS, state: 'returned', mode: 'watch', class: 'M-09005', from: '2026-11-01', overdue: true, acceptOverdue: true, mine: true } as const
    expect(readFilters(writeFilters(filters))).toEqual(filters)
    expect(writeFilters(NO_FILTERS)).toEqual({})
  })

  it('forget what makes no sense', () => {
    const odd = { view: 'all', state: 'gone', mode: 7, class: 'M-9', from: 'today', overdue: '1', place: ['a'] }
    expect(readFilters(odd)).toEqual(NO_FILTERS)
    expect(readFilters({ state: 'closed' }).state).toBe('') // an ended state among the live ones
    expect(readFilters({ view: 'ended', state: 'closed' }).state).toBe('closed')
  })

  it('ask for whole days of the street, whatever the time zone of the browser', () => {
    const asked = askedFor({ ...NO_FILTERS, from: '2026-11-24', to: '2026-11-24' })
    expect(asked).toMatchObject({ filed_from: '2026-11-24T00:00:00+08:00', filed_to: '2026-11-24T23:59:59.999+08:00' })
    expect(asked.overdue).toBeNull() // not asked for is not the same as no
  })

  it('count the wishes behind the fold only', () => {
    expect(wishes({ ...NO_FILTERS, state: 'open', overdue: true, mine: true })).toBe(0)
    expect(wishes({ ...NO_FILTERS, place: '310107005-G1', number: '7' })).toBe(2)
  })

  it('narrow the list with any wish, the ended view among them', () => {
    expect(isNarrowed(NO_FILTERS)).toBe(false)
    for (const wish of [{ view: 'ended' }, { number: '0020' }, { state: 'returned' }, { mine: true }] as const) {
      expect(isNarrowed({ ...NO_FILTERS, ...wish })).toBe(true)
    }
  })

  it('know every state of the table, each once', () => {
    expect(new Set([...LIVE_STATES, ...ENDED_STATES]).size).toBe(11)
  })
})

describe('the list after its beginning was read anew', () => {
  const card = (id: string, version = 1) => ({ id, version }) as CaseCard

  it('shows the new cards, keeps what was read further down, and no case twice', () => {
    const shown = ['a', 'b', 'c', 'd'].map((id) => card(id))
    const fresh = [card('n'), card('b', 2)]
    expect(withFresh(shown, fresh, 2).map((one) => `${one.id}${one.version}`)).toEqual(['n1', 'b2', 'c1', 'd1'])
    expect(withFresh(shown, [card('d', 2), card('a')], 2).map((one) => one.id)).toEqual(['d', 'a', 'c'])
  })
})

describe('the steps of the console', () => {
  const steps = (state: string, ...names: string[]) => ({ state, steps: names }) as unknown as CaseDetail

  it('has what is waited for in front', () => {
    expect(actionsOf(steps('returned', 'note', 'raise', 'arbitrate'))[0]).toEqual({ action: 'arbitrate', main: true })
    expect(actionsOf(steps('resolved', 'note', 'verify_pass', 'verify_fail')).map((one) => one.action)).toEqual(['verify', 'note'])
    expect(actionsOf(steps('acknowledged', 'note')).some((one) => one.main)).toBe(false)
  })

  it('leaves to the phone what needs a position or a photo', () => {
    const mine = { ...steps('dispatched', 'accept', 'return', 'note'), my_part: 'owner' } as CaseDetail
    expect(actionsOf(mine).map((one) => one.action)).toEqual(['note'])
    expect(phoneSteps(mine)).toEqual(['accept', 'return'])
  })

  const empty: Filled = { id: 'x', text: '', personId: null, until: null, parentId: null, verdict: null, requestId: 'r' }
  it.each(Object.keys(ASKS) as Action[])('%s is not sent before everything is there', (action) => {
    const asks = ASKS[action]
    const bare = asks.text === 'optional' && (asks.person ?? 'free') === 'free' && !asks.verdict
    expect(complete(action, empty)).toBe(bare)
    const full = { ...empty, text: '好的', personId: 'p', until: '2026-11-25T09:00:00+08:00', parentId: 'c', verdict: true }
    expect(complete(action, full)).toBe(true)
  })

  it('wants words from whoever says that it is not gone', () => {
    expect(complete('verify', { ...empty, verdict: true })).toBe(true)
    expect(complete('verify', { ...empty, verdict: false })).toBe(false)
    expect(complete('verify', { ...empty, verdict: false, text: '还在' })).toBe(true)
  })
})

describe('the timeline', () => {
  const event = (step: string, data: Record<string, unknown>, more: object = {}) =>
    ({ step, data, at: '2026-11-24T01:00:00Z', received_at: '2026-11-24T01:00:01Z', actor: null, ...more }) as CaseEvent
  const told = (one: CaseEvent) => toldOf(one, new Map([['h1', '陈伟东']]), new Date('2026-11-24T02:00:00Z'))

  it('explains what the rules did and why', () => {
    const { facts, tone } = told(event('escalate', { trigger: 'not_acknowledged', nth: 2, tell: ['owner', 'dispatchers'], replace: 'next_handler', raise_to: 'assign' }))
    expect(facts).toEqual(['无人接单（第 2 次）', '通知处置人、派单员', '换由下一位在岗处置人承接', '升为定到人'])
    expect(tone).toBe('alarm')
  })

  it('does not tell of another owner where the rules found none', () => {
    const names = new Map([['h1', '陈伟东']])
    const given = event('dispatch', { owner_id: 'h1' }, { id: 'a', ordinal: 2 })
    const asked = event('escalate', { replace: 'next_handler', replaced: false }, { id: 'b', ordinal: 3 })
    const back = event('return', {}, { id: 'c', ordinal: 4 })
    const owners = ownersAfter([back, asked, given], names)
    expect([...owners.values()]).toEqual(['陈伟东', '陈伟东', null])
    const at = new Date('2026-11-24T02:00:00Z')
    expect(toldOf(asked, names, at, owners.get('b')).facts).toEqual(['没有别的合适的人，仍由陈伟东处置'])
    expect(told(asked).facts).toEqual(['没有别的合适的人，处置人不变'])
  })

  it('names whom it was given to, and what stood in the way', () => {
    expect(told(event('dispatch', { owner_id: 'h1', why: 'next', facts: ['owner_away'] })).facts).toEqual(['交给陈伟东', '上一位没有接，换下一位', '责任人不在'])
  })

  it('marks what came too late, and what was noted without a network', () => {
    const late = told(event('late', { step: 'accept' }, { received_at: '2026-11-24T03:30:00Z' }))
    expect(late.tone).toBe('late')
    expect(late.facts).toEqual(['接单', '手机上先记下，2 小时 30 分后才传到'])
  })

  it('shows a code that it does not know as it is, and never an id', () => {
    expect(told(event('dispatch', { why: 'brand_new', owner_id: 'nobody-here' })).facts).toEqual(['交给有人', 'brand_new'])
  })

  it('says in every state what is waited for', () => {
    for (const state of [...LIVE_STATES, ...ENDED_STATES]) {
      const found = { state, hold_until: null, ended_at: null } as CaseDetail
      expect(nextWords(found, () => null, new Date()).length).toBeGreaterThan(2)
    }
  })
})

describe('who was faster', () => {
  const step = (ordinal: number, actor: string | null) => ({ ordinal, step: 'void', actor: actor && { id: actor } }) as unknown as CaseEvent
  const faster = (...events: CaseEvent[]) => overtaker(events, 2, 'me')?.ordinal ?? null

  it('is the newest other person since the form was opened, whatever came after', () => {
    expect(faster(step(2, 'her'), step(3, 'him'), step(4, 'her'), step(5, null), step(6, 'me'))).toBe(4)
  })

  it('is a rule only where nobody did anything, and nobody where nothing is new', () => {
    expect(faster(step(3, null), step(4, 'me'))).toBe(3)
    expect(faster(step(1, 'her'), step(2, null))).toBeNull()
  })
})

describe('a page read anew', () => {
  it('is not done before the newest reading is there, whoever asked for it', async () => {
    const answers: ((value: string) => void)[] = []
    const load = useLoad(() => new Promise<string>((resolve) => answers.push(resolve)))
    const first = load.reload().then(() => load.value.value)
    const second = load.reload()
    answers[0]?.('old')
    await Promise.resolve()
    answers[1]?.('new')
    await second
    expect(await first).toBe('new')
    expect(load.loading.value).toBe(false)
  })
})

describe('who was reached', () => {
  const row = (user_id: string, told_at: string, state: string) => ({ user_id, told_at, state, kind: 'case.dispatched', rungs: [], person: { display_name: user_id, display_name_en: '' } })

  it('is what the latest message says; who was not reached comes first', () => {
    const rows = readReach([row('a', '1', 'not_reached'), row('a', '2', 'acknowledged'), row('b', '1', 'not_reached')])
    expect(latestOfEach(rows).map((one) => [one.user_id, one.state])).toEqual([['b', 'not_reached'], ['a', 'acknowledged']])
  })

  it('leaves out rows that are not as agreed', () => {
    expect(readReach([{ user_id: 1 }, {}, row('a', '1', 'sent')])).toHaveLength(1)
  })
})
