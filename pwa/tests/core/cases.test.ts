// What was just done to a case shows at once, and only what the table of steps allows.
import { describe, expect, it } from 'vitest'

import type { CaseDetail, FieldCase, FieldCases } from '@/core/caseTypes'
import { byUrgency, caseNow, isOpenTask, isVague, openRequest, toVerifyOrder, mergeCases, nearCases, stepOf } from '@/core/cases'
import type { LocalAct } from '@/core/feed'
import { destination } from '@/core/geo'
import { uuid7 } from '@/core/ids'

const ME = uuid7()

function card(change: Partial<FieldCase> = {}): FieldCase {
  return {
    ...{ id: uuid7(), number: 'CY20261124-0001', version: 1, source: 'patrol', class_key: 'M-09005', class_name: '跨门营业' },
    ...{ class_name_en: 'Trading', level: 'common', mode: 'point', urgent: false, state: 'dispatched', text: '', address: '' },
    ...{ place_code: 'G1', place_name: '一单元', place_name_en: 'Unit 1', lat: 31.24, lon: 121.41, accuracy_m: 8, radius_m: 50 },
    ...{ filed_at: '2026-11-24T01:00:00Z', acknowledge_due_at: '2026-11-24T01:30:00Z', due_at: '2026-11-24T03:00:00Z' },
    ...{ overdue: false, ended_at: null, owner: { id: ME, display_name: '甲', display_name_en: 'A' }, verifier: null, reports: 1, returns: 0 },
    ...{ fixed_on_spot: false, my_part: 'owner', steps: ['accept', 'return', 'note', 'ask_hold', 'ask_extension'] },
    ...{ closing_condition: '', photos: [], deadline: null, last_note: '' },
    ...change,
  } as FieldCase
}

function feed(change: Partial<FieldCases>): FieldCases {
  return { tasks: [], to_verify: [], watching: [], reported: [], nearby: [], catalogue_version: 1, unread: 0, ...change }
}

function act(kind: string, body: Record<string, unknown>, standing: LocalAct['standing'] = 'phone', id = uuid7()): LocalAct {
  return { id, kind, at: '2026-11-24T01:10:00Z', body, standing, grade: null, reasons: [] }
}

describe('my own steps', () => {
  it('show before the server knows of them, one after the other', () => {
    const one = card()
    const about = { case: one.id }
    const after = (...acts: LocalAct[]) => mergeCases(feed({ tasks: [one] }), acts).tasks[0]
    expect(after()?.pending).toBeNull()
    expect(after(act('case_accepted', about))).toMatchObject({ state: 'acknowledged', pending: { step: 'accept', standing: 'phone' } })
    expect(after(act('case_accepted', about))?.steps).toEqual(['return', 'arrive', 'resolve', 'note', 'ask_hold', 'ask_extension'])
    expect(after(act('case_accepted', about), act('case_arrived', about))?.state).toBe('on_scene')
    const done = after(act('case_accepted', about), act('case_arrived', about), act('case_resolved', about))
    expect(done).toMatchObject({ state: 'resolved', pending: { step: 'resolve' } })
    expect(done && isOpenTask(done)).toBe(false)
    expect(one.state).toBe('dispatched') // the feed itself is untouched
  })

  it('change nothing where the server has gone on already', () => {
    const one = card({ state: 'on_scene', steps: ['resolve'] })
    const seen = mergeCases(feed({ tasks: [one] }), [act('case_accepted', { case: one.id }, 'server')]).tasks[0]
    expect(seen).toMatchObject({ state: 'on_scene', steps: ['resolve'], pending: null })
  })

  it('leave the state where a step does not change it', () => {
    const one = card({ state: 'acknowledged', steps: ['resolve', 'note'] })
    const seen = mergeCases(feed({ tasks: [one] }), [act('case_noted', { case: one.id, text: '等配件' })]).tasks[0]
    expect(seen).toMatchObject({ state: 'acknowledged', steps: ['resolve', 'note'], pending: { step: 'note' } })
  })

  it('verify as whatever the server offered', () => {
    const one = card({ state: 'resolved', my_part: null, steps: ['verify_pass', 'verify_fail'] })
    const verified = (passed: boolean) => mergeCases(feed({ to_verify: [one] }), [act('case_verified', { case: one.id, passed })]).to_verify[0]
    expect(verified(true)).toMatchObject({ state: 'verified', steps: [], pending: { step: 'verify_pass' } })
    expect(verified(false)).toMatchObject({ state: 'acknowledged', steps: [], pending: { step: 'verify_fail' } })
  })

  it('are those of the entries of the log', () => {
    expect(stepOf({ kind: 'case_hold_asked', body: {} })).toBe('ask_hold')
    expect(stepOf({ kind: 'case_verified', body: { passed: false } })).toBe('verify_fail')
    expect(stepOf({ kind: 'check_in', body: {} })).toBeNull()
  })
})

describe('my own reports', () => {
  const report = (standing: LocalAct['standing']) =>
    act('case_reported', { class: 'M-09005', text: '占道', photos: [{ sha256: 'a'.repeat(64) }], fixed_on_spot: true }, standing)

  it('show until the server shows the case, newest first', () => {
    const [first, second] = [report('server'), report('phone')]
    const seen = mergeCases(feed({}), [first, second])
    expect(seen.unsent.map((one) => [one.id, one.standing])).toEqual([
      [second.id, 'phone'],
      [first.id, 'server'],
    ])
    expect(seen.unsent[0]).toMatchObject({ class_key: 'M-09005', photos: 1, fixed_on_spot: true, joined: null })
    expect(mergeCases(feed({ reported: [card({ id: first.id })] }), [first]).unsent).toEqual([])
  })

  it('show also where they were added to a known case', () => {
    const known = uuid7()
    expect(mergeCases(null, [act('case_joined', { case: known, photos: [] })]).unsent[0]?.joined).toBe(known)
  })
})

it('puts first what somebody has to do soonest', () => {
  const cases = mergeCases(
    feed({
      tasks: [
        card({ number: 'waits', state: 'resolved', steps: [], due_at: '2026-11-24T00:00:00Z' }),
        card({ number: 'later', state: 'acknowledged', steps: ['resolve'], due_at: '2026-11-25T00:00:00Z' }),
        card({ number: 'accept', acknowledge_due_at: '2026-11-24T01:05:00Z' }),
        card({ number: 'none', state: 'acknowledged', steps: ['resolve'], due_at: null }),
      ],
    }),
    [],
  )
  expect(byUrgency(cases.tasks).map((one) => one.number)).toEqual(['accept', 'later', 'none', 'waits'])
})

describe('cases nearby', () => {
  const here = { lat: 31.24, lon: 121.41, acc: 0 }
  const at = (metres: number, class_key = 'M-09005') => ({ ...card({ class_key }), ...destination(here, metres, 90) })

  it('are of the same class within fifty metres, of any within thirty', () => {
    const known = [at(45), at(55), at(25, 'M-06001'), at(35, 'M-06001')]
    const near = nearCases(known, here, 'M-09005')
    expect(near.map(({ metres, same }) => [Math.round(metres), same])).toEqual([
      [45, true],
      [25, false],
    ])
  })

  it('count the accuracy of the position, as far as it is usable', () => {
    expect(nearCases([at(70)], { ...here, acc: 25 }, 'M-09005')).toHaveLength(1)
    expect(nearCases([at(120)], { ...here, acc: 500 }, 'M-09005')).toHaveLength(0)
  })
})

describe('cases to check', () => {
  it('begin with those that I was asked to check, whatever is more urgent', () => {
    const seen = mergeCases(
      feed({
        to_verify: [
          card({ state: 'resolved', my_part: null, number: 'a', due_at: '2026-11-24T01:00:00Z', steps: ['verify_pass'] }),
          card({ state: 'resolved', my_part: 'verifier', number: 'b', due_at: '2026-11-25T01:00:00Z', steps: ['verify_pass'] }),
        ],
      }),
      [],
    )
    expect(toVerifyOrder(seen.to_verify).map((one) => one.number)).toEqual(['b', 'a'])
  })
})

describe('a vague position', () => {
  it.each([[8, false], [100, false], [101, true], [528, true]])('%i m: %s', (accuracy_m, vague) => {
    expect(isVague(card({ accuracy_m }))).toBe(vague)
  })
})

describe('one case on its own page', () => {
  const paged = (one: FieldCase, change: object = {}) => ({ ...one, events: [], requests: [], people: [], ...change }) as unknown as CaseDetail

  it('is whichever of list and page is newer', () => {
    const one = card({ version: 3 })
    const newer = paged(one, { version: 4, state: 'acknowledged', due_at: '2026-11-24T05:00:00Z' })
    expect(caseNow(one, newer, [])).toMatchObject({ state: 'acknowledged', due_at: '2026-11-24T05:00:00Z' })
    expect(caseNow(one, paged(one, { version: 2, state: 'open' }), [])).toMatchObject({ state: 'dispatched' })
    expect(caseNow(one, null, [])).toMatchObject({ state: 'dispatched' })
    expect(caseNow(null, newer, [])).toMatchObject({ state: 'acknowledged' })
    expect(caseNow(null, null, [])).toBeNull()
  })

  it('shows what this phone did until the page tells of it', () => {
    const one = card()
    const mine = act('case_accepted', { case: one.id }, 'server')
    expect(caseNow(one, paged(one), [mine])).toMatchObject({ state: 'acknowledged', pending: { step: 'accept' } })
    // Given to me anew since: the accepting of before is no step of now
    expect(caseNow(one, paged(one, { version: 5, events: [{ id: mine.id }] }), [mine])).toMatchObject({ state: 'dispatched', pending: null })
    expect(caseNow(one, paged(one), [act('case_accepted', { case: uuid7() })])).toMatchObject({ state: 'dispatched' })
  })
})

describe('a request that waits', () => {
  const one = { id: uuid7(), state: 'acknowledged' as const }
  const asked = (change: object = {}) => ({ id: uuid7(), kind: 'extension', amount: 1, until: null, decision: null, ...change })
  const paged = (...requests: object[]) => ({ requests }) as unknown as CaseDetail

  it('is the one that nobody has decided on', () => {
    expect(openRequest(one, paged(asked({ decision: 'denied' }), asked({ amount: 2 })), [])).toMatchObject({ kind: 'extension', amount: 2 })
    expect(openRequest(one, paged(asked({ decision: 'granted' })), [])).toBeNull()
    expect(openRequest(one, null, [])).toBeNull()
  })

  it('is what this phone has just asked for, until the server tells what became of it', () => {
    const until = '2026-11-25T01:00:00Z'
    const mine = act('case_hold_asked', { case: one.id, until })
    expect(openRequest(one, paged(), [mine])).toEqual({ kind: 'hold', amount: null, until })
    expect(openRequest(one, paged(asked({ id: mine.id, decision: 'denied' })), [{ ...mine, standing: 'server' }])).toBeNull()
    expect(openRequest(one, paged(), [act('case_extension_asked', { case: uuid7(), amount: 1 }), act('case_noted', { case: one.id })])).toBeNull()
  })

  it('is none where the case has gone past deciding', () => {
    expect(openRequest({ ...one, state: 'resolved' }, paged(asked()), [])).toBeNull()
  })
})
