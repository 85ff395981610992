// The board's groups, filters and figures, and the strip of time of a track.
import { describe, expect, it } from 'vitest'

import { ancestor, figuresOf, grouped, liesIn, notPlaced, oneForEachCheckpoint, passes, stopState, treeOf } from '@/console/board'
import { timelineOf } from '@/console/today/timeline'
import type { Board, BoardCheckIn, BoardRound, Place, RoundStop, StopVisit } from '@/console/types'

const place = (code: string, level: Place['level'], parent_code: string | null): [string, Place] => [
  code,
  { code, level, parent_code, name: code, name_en: '', street_code: 'S' },
]
const PLACES = new Map([
  place('S', 'street', '310107'),
  place('P1', 'area', 'S'),
  place('P2', 'area', 'S'),
  place('G1', 'unit', 'P1'),
  place('G2', 'unit', 'P2'),
  place('C1', 'community', 'G1'),
])
const round = (over: Partial<BoardRound>): BoardRound => ({
  id: 'r',
  route_name: '日常',
  route_name_en: '',
  place_code: 'G1',
  place_name: '',
  place_name_en: '',
  assignee: { id: 'u', display_name: '', display_name_en: '' },
  window_starts_at: '2026-11-23T01:00:00Z',
  window_ends_at: '2026-11-23T03:00:00Z',
  state: 'planned',
  started_at: null,
  finished_at: null,
  end_reason: null,
  ended_automatically: false,
  missed_at: null,
  late: false,
  stops_total: 6,
  stops_visited: 0,
  stops_skipped: 0,
  doubtful: 0,
  pending_reviews: 0,
  ...over,
})

describe('places', () => {
  it('finds what a place lies in', () => {
    expect(ancestor(PLACES, 'C1', 'area')?.code).toBe('P1')
    expect(ancestor(PLACES, 'S', 'area')).toBeNull()
    expect(ancestor(PLACES, 'unknown', 'area')).toBeNull()
    expect(liesIn(PLACES, 'G2', 'P1')).toBe(false)
    expect(liesIn(PLACES, 'C1', 'S')).toBe(true)
    expect(liesIn(PLACES, 'P1', 'G1')).toBe(false)
  })

  it('lists what lies in the places of one\'s posts as a tree, each once', () => {
    const rows = (...roots: string[]) => treeOf(PLACES, roots).map(({ place: { code }, depth }) => `${depth}${code}`)
    expect(rows('P1')).toEqual(['0P1', '1G1', '2C1'])
    expect(rows('G2', 'P1')).toEqual(['0G2', '0P1', '1G1', '2C1'])
    expect(rows('G1', 'P1', 'S')).toEqual(['0S', '1P1', '2G1', '3C1', '1P2', '2G2'])
    expect(rows('unknown')).toEqual([])
  })

  it('ends on a tree that bites its own tail', () => {
    expect(ancestor(new Map([place('A', 'unit', 'B'), place('B', 'unit', 'A')]), 'A', 'area')).toBeNull()
  })
})

it('groups rounds by place, and orders them by window', () => {
  const groups = grouped(
    [
      round({ id: 'b', place_code: 'G2' }),
      round({ id: 'late', window_starts_at: '2026-11-23T06:00:00Z' }),
      round({ id: 'early' }),
    ],
    PLACES,
  )
  expect(groups.map((group) => [group.area?.code, group.rounds.map((one) => one.id)])).toEqual([
    ['P1', ['early', 'late']],
    ['P2', ['b']],
  ])
})

it('filters by what a supervisor asks', () => {
  const ended = round({ state: 'ended_early' })
  expect(passes(ended, 'finished')).toBe(true)
  expect(passes(ended, 'open')).toBe(false)
  expect(passes(round({ state: 'started' }), 'open')).toBe(true)
  expect(passes(round({ state: 'missed' }), 'missed')).toBe(true)
  expect(passes(round({ doubtful: 1 }), 'doubtful')).toBe(true)
  expect(passes(round({}), 'doubtful')).toBe(false)
})

it('adds up the day', () => {
  const rounds = [
    round({ state: 'started', pending_reviews: 2 }),
    round({ state: 'finished', pending_reviews: 1 }),
    round({ state: 'missed' }),
  ]
  const board: Board = { on: '2026-11-23', server_time: '', rounds, check_ins: [], people: [] }
  expect(figuresOf(board)).toEqual({ started: 1, finished: 1, missed: 1, pendingReviews: 3 })
})

it('draws for each checkpoint the check-in that most needs a person, else the latest', () => {
  const one = (id: string, checkpoint_id: string, review_state: BoardCheckIn['review_state'], captured_at: string) =>
    ({ id, checkpoint_id, review_state, captured_at }) as BoardCheckIn
  const drawn = oneForEachCheckpoint([
    one('old', 'a', 'none', '2026-11-23T01:00:00Z'),
    one('new', 'a', 'none', '2026-11-23T02:00:00Z'),
    one('pending', 'b', 'pending', '2026-11-23T01:00:00Z'),
    one('fine', 'b', 'none', '2026-11-23T02:00:00Z'),
  ])
  expect(drawn.map(({ id }) => id)).toEqual(['new', 'pending'])
})

describe('stopState', () => {
  const visit = (grade: StopVisit['grade'], review_state: StopVisit['review_state']): StopVisit => ({
    id: 'v',
    captured_at: '',
    received_at: '',
    grade,
    reasons: [],
    review_state,
    distance_m: null,
    accuracy_m: null,
    fix_age_s: null,
    tag_state: 'none',
    clock_skew_s: 0,
  })
  const stop = (check_ins: StopVisit[], skipped = false): RoundStop => ({
    ordinal: 1,
    checkpoint: { id: 'c', code: '', name: '', name_en: '', kind: 'other', floor_label: '', radius_m: 30, lat: 0, lon: 0 },
    check_ins,
    skip: skipped ? { reason: 'locked', text: '' } : null,
  })

  it.each([
    ['todo', stop([])],
    ['skipped', stop([], true)],
    ['visited', stop([visit('verified', 'none')])],
    ['doubtful', stop([visit('doubtful', 'pending')])],
    ['doubtful', stop([visit('doubtful', 'rejected')], true)],
    ['visited', stop([visit('doubtful', 'accepted')])],
    ['visited', stop([visit('doubtful', 'pending'), visit('verified', 'none')])],
  ])('%s', (state, of) => {
    expect(stopState(of)).toBe(state)
  })
})

describe('timelineOf', () => {
  const at = (minute: number): string => new Date(Date.UTC(2026, 10, 23, 1, minute)).toISOString()
  const fix = (minute: number) => ({ at: at(minute), lat: 31.24, lon: 121.4, accuracy_m: 8 })
  const checkIn = { id: 'v', captured_at: at(5) } as BoardCheckIn

  it('puts stretches, gaps and check-ins on one line', () => {
    const line = timelineOf({
      round_id: 'r',
      fixes: [fix(0), fix(1), fix(2), fix(8), fix(9), fix(10)],
      gaps: [{ id: 'g', started_at: at(2), ended_at: at(8), cause: 'screen_off' }],
      check_ins: [checkIn],
    })
    expect(line?.parts).toEqual([
      { kind: 'recorded', from: 0, to: 0.2 },
      { kind: 'gap', from: 0.2, to: 0.8 },
      { kind: 'recorded', from: 0.8, to: 1 },
    ])
    expect(line?.marks).toEqual([{ at: 0.5, checkIn }])
    expect(line?.gaps).toMatchObject([{ cause: 'screen_off', from: at(2), to: at(8) }])
  })

  it('keeps a gap at the end, when no fix came after it', () => {
    const line = timelineOf({
      round_id: 'r',
      fixes: [fix(0), fix(1), fix(2)],
      gaps: [{ id: 'g', started_at: at(2), ended_at: at(10), cause: 'app_closed' }],
      check_ins: [],
    })
    expect(line?.parts.at(-1)).toEqual({ kind: 'gap', from: 0.2, to: 1 })
  })

  it('is nothing where nothing was recorded', () => {
    expect(timelineOf({ round_id: 'r', fixes: [], gaps: [], check_ins: [] })).toBeNull()
    expect(timelineOf({ round_id: 'r', fixes: [fix(0)], gaps: [], check_ins: [] })).toBeNull()
  })
})

describe('people on duty', () => {
  it('are missing on the map where their phones have sent nothing in this shift', () => {
    const duty = [{ user_id: 'a' }, { user_id: 'b' }]
    expect(notPlaced(duty, [{ user_id: 'b' }, { user_id: 'gone' }])).toEqual([{ user_id: 'a' }])
    expect(notPlaced(duty, [])).toEqual(duty)
  })
})
