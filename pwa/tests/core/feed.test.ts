// The screen is right without network: the server's last word with the phone's own log over it.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { database, readKept } from '@/core/db'
import { dismissRefused, keepFeed, kindCounts, localActs, merge, nextStop, progressOf, shiftEndsAt, type LocalAct } from '@/core/feed'
import { append } from '@/core/log'
import { uuid7 } from '@/core/ids'
import { flush } from '@/core/sync'
import type { Feed, FieldRound, StopCheckIn } from '@/core/types'

import { ModelServer } from './server'

function stop(ordinal: number, check_ins: StopCheckIn[] = []) {
  const checkpoint = {
    id: `checkpoint-${ordinal}`, code: `C${ordinal}`, name: '点', name_en: 'Point', kind: 'entrance' as const, floor_label: '', radius_m: 30, lat: 31.24, lon: 121.4,
  }
  return { ordinal, checkpoint, check_ins, skip: null }
}

function feed(change: Partial<Feed> = {}, round: Partial<FieldRound> = {}): Feed {
  return {
    server_time: '2026-11-23T01:00:00Z', user_id: 'anna', shift: null, shift_max_hours: 12, decisions: [], refused: [],
    cases: { tasks: [], to_verify: [], watching: [], reported: [], nearby: [], catalogue_version: null, unread: 0 },
    rounds: [
      {
        id: 'round', route_id: 'route', route_name: '路线', route_name_en: 'Route', ordered: true, place_code: 'p', place_name: '', place_name_en: '',
        on_day: '2026-11-23', window_starts_at: '2026-11-23T01:00:00Z', window_ends_at: '2026-11-23T03:00:00Z', state: 'planned',
        started_at: null, finished_at: null, end_reason: null, ended_automatically: false, stops: [stop(1), stop(2), stop(3)], ...round,
      },
    ],
    ...change,
  }
}

function act(kind: string, body: Record<string, unknown>, rest: Partial<LocalAct> = {}): LocalAct {
  return { id: uuid7(), kind, at: '2026-11-23T01:05:00.000Z', body, standing: 'phone', grade: null, reasons: [], ...rest }
}

const round = (seen: ReturnType<typeof merge>) => {
  const [first] = seen.rounds
  if (!first) throw new Error('no round')
  return first
}

describe('merge', () => {
  it('shows the server’s word where the phone has nothing of its own', () => {
    const seen = merge(feed({ shift: { id: 's', started_at: '2026-11-23T01:00:00Z', place_code: 'p' } }), [])
    expect(seen.shift).toMatchObject({ id: 's', standing: 'server' })
    expect(round(seen).stops.map((one) => one.state)).toEqual(['todo', 'todo', 'todo'])
  })

  it('walks a whole round offline', () => {
    const started = act('shift_started', { place: 'p' })
    const acts = [
      started,
      act('round_started', { round: 'round', shift: started.id }),
      act('check_in', { round: 'round', stop: 1 }),
      act('stop_skipped', { round: 'round', stop: 2, reason: 'locked' }),
      act('round_finished', { round: 'round', outcome: 'early', reason: '下雨' }),
    ]
    const seen = merge(feed(), acts)
    expect(seen.shift).toMatchObject({ id: started.id, standing: 'phone' })
    expect(round(seen)).toMatchObject({ state: 'ended_early', end_reason: '下雨', started_at: acts[1]?.at })
    expect(round(seen).stops.map((one) => one.state)).toEqual(['visited', 'skipped', 'todo'])
    expect(merge(feed(), [...acts, act('shift_ended', { shift: started.id })]).shift).toBeNull()
  })

  it('puts the person’s own end in place of an automatic one, and of no other', () => {
    const end = act('round_finished', { round: 'round', outcome: 'complete' })
    const ended = { state: 'ended_early' as const, started_at: '2026-11-23T01:00:00Z', finished_at: '2026-11-23T01:01:00Z' }
    const corrected = merge(feed({}, { ...ended, ended_automatically: true }), [end])
    expect(round(corrected)).toMatchObject({ state: 'finished', finished_at: end.at, ended_automatically: false })
    expect(round(merge(feed({}, { ...ended, end_reason: '下雨' }), [end]))).toMatchObject({ ...ended, end_reason: '下雨' })
  })

  it('does not end a newer shift with an older end', () => {
    const seen = merge(feed({ shift: { id: 'new', started_at: '2026-11-23T01:00:00Z', place_code: 'p' } }), [act('shift_ended', { shift: 'old' })])
    expect(seen.shift?.id).toBe('new')
  })

  it('shows a doubtful check-in as doubtful, until a supervisor accepts it', () => {
    const visit: StopCheckIn = { id: 'c', captured_at: '', grade: 'doubtful', reasons: ['no_fix'], review_state: 'pending' }
    expect(round(merge(feed({}, { stops: [stop(1, [visit])] }), [])).stops[0]?.state).toBe('doubtful')
    const accepted = stop(1, [{ ...visit, review_state: 'accepted' }])
    expect(round(merge(feed({}, { stops: [accepted] }), [])).stops[0]?.state).toBe('visited')
  })

  it('shows an answer at once', () => {
    const decision = {
      proof_id: 'p', round_id: 'round', checkpoint_name: '', checkpoint_name_en: '', captured_at: '', grade: 'doubtful' as const,
      reasons: [], review_state: 'rejected' as const, reviews: [], answer: null,
    }
    const seen = merge(feed({ decisions: [decision] }), [act('review_answered', { proof: 'p', text: '当时下雨' })])
    expect(seen.decisions[0]).toMatchObject({ answer: { text: '当时下雨' }, answer_standing: 'phone', review_state: 'answered' })
  })

  it('is the same whether the feed knows the acts already or not, and changes nothing it is given', () => {
    const visit = act('check_in', { round: 'round', stop: 1 }, { grade: 'verified', standing: 'server' })
    const known: StopCheckIn = { id: visit.id, captured_at: visit.at, grade: 'verified', reasons: [], review_state: 'none' }
    const knowing = feed({}, { state: 'started', stops: [stop(1, [known]), stop(2), stop(3)] })
    const before = structuredClone(knowing)
    expect(merge(knowing, [visit])).toEqual(merge(knowing, []))
    expect(knowing).toEqual(before)
  })

  it('stands any acts, also about rounds it does not know', () => {
    const kind = fc.constantFrom('shift_started', 'shift_ended', 'round_started', 'round_finished', 'check_in', 'stop_skipped', 'track', 'review_answered', 'later')
    const body = fc.record({ round: fc.constantFrom('round', 'other', 7), stop: fc.constantFrom(1, 9, 'x'), shift: fc.string() }, { requiredKeys: [] })
    fc.assert(
      fc.property(fc.array(fc.tuple(kind, body), { maxLength: 20 }), (all) => {
        const acts = all.map(([one, content]) => act(one, content))
        const visits = new Set(acts.filter((one) => one.kind === 'check_in' && one.body.round === 'round' && one.body.stop === 1).map((one) => one.id))
        expect(round(merge(feed(), [...acts, ...acts])).stops[0]?.check_ins).toHaveLength(visits.size)
      }),
    )
  })
})

describe('next stop', () => {
  it('is the first open one of an ordered round', () => {
    const seen = merge(feed(), [act('check_in', { round: 'round', stop: 1 })])
    expect(nextStop(round(seen), () => 5)?.ordinal).toBe(2)
  })

  it('is the nearest open one where the order is free', () => {
    const seen = merge(feed({}, { ordered: false }), [])
    expect(nextStop(round(seen), (one) => 100 - one.ordinal)?.ordinal).toBe(3)
    expect(nextStop(round(seen), () => null)?.ordinal).toBe(1)
  })
})

it('ends a forgotten shift after its hours', () => {
  expect(shiftEndsAt({ started_at: '2026-11-23T01:00:00Z' }, 12)).toBe(Date.parse('2026-11-23T13:00:00Z'))
})

describe('keeping', () => {
  it('shows an act from the phone, through sending, to the feed without a moment of absence', async () => {
    const [user, server] = [uuid7(), new ModelServer()]
    server.decide = () => ({ status: 'applied', grade: 'verified', reasons: [] })
    await keepFeed(user, feed(), 1)
    const visits = async () => round(merge((await readKept(user)).feed?.feed ?? null, localActs(await readKept(user)))).stops[0]?.check_ins
    const id = uuid7()
    await append(user, { id, kind: 'check_in', body: { round: 'round', stop: 1 } })
    expect(await visits()).toMatchObject([{ id, standing: 'phone', grade: null }])
    const before = Date.now()
    await flush(user, server, '')
    expect(await visits()).toMatchObject([{ id, standing: 'server', grade: 'verified' }])
    await keepFeed(user, feed(), before - 1) // asked before the answer: it may not know the act
    expect(await visits()).toHaveLength(1)
    await keepFeed(user, feed(), Date.now() + 1) // asked after: the feed decides
    expect(await visits()).toHaveLength(0)
  })

  it('lets a refused entry go once it has been read', async () => {
    const [user, server] = [uuid7(), new ModelServer()]
    server.decide = () => ({ status: 'refused', problem: '/problems/off-duty', detail: '' })
    const id = uuid7()
    await append(user, { id, kind: 'check_in', body: {} })
    await flush(user, server, '')
    await dismissRefused(user, id)
    expect((await readKept(user)).attention).toHaveLength(0)
    expect(await (await database()).get('meta', `read_refused:${user}`)).toEqual([id])
  })
})

it('counts stops reached and stops skipped apart', () => {
  const doubtful: StopCheckIn = { id: 'c', captured_at: '2026-11-23T01:02:00Z', grade: 'doubtful', reasons: ['no_fix'], review_state: 'pending' }
  const seen = merge(feed({}, { stops: [stop(1, [doubtful]), stop(2), stop(3), stop(4)] }), [
    act('check_in', { round: 'round', stop: 2 }),
    act('stop_skipped', { round: 'round', stop: 3, reason: 'locked' }),
  ])
  expect(progressOf(round(seen))).toEqual({ reached: 2, skipped: 1, open: 1 })
})

it('names what is unsent by kind, the most frequent first', () => {
  expect(kindCounts([{ kind: 'check_in' }, { kind: 'track' }, { kind: 'track' }])).toEqual([['track', 2], ['check_in', 1]])
  expect(kindCounts([])).toEqual([])
})
