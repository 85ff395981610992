// What is kept of a walk, and how a stretch without positions is named.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { readKept } from '@/core/db'
import { uuid7 } from '@/core/ids'
import type { Fix } from '@/core/proof'
import { Recorder } from '@/core/recorder'
import { beginTrack, step, type TrackEvent, type TrackState } from '@/core/track'

const START = Date.parse('2026-11-23T01:00:00Z')
const at = (seconds: number) => START + seconds * 1000

/** A fix *seconds* after the start, *metres* north of it. */
function fix(seconds: number, metres: number): Fix {
  return { at: new Date(at(seconds)).toISOString(), lat: 31.24 + metres / 111_195, lon: 121.4, acc: 8, datum: 'wgs84', src: 'gnss' }
}

const heard = (seconds: number, metres: number): TrackEvent => ({ type: 'fix', fix: fix(seconds, metres), now: at(seconds) })

function run(events: TrackEvent[], from: TrackState = beginTrack('shift', 'round', START)): TrackState {
  return events.reduce((state, event) => step(state, event, () => uuid7()), from)
}

function fixesOf(state: TrackState): Fix[] {
  const sent = state.pending.filter((entry) => entry.kind === 'track').flatMap((entry) => entry.body.fixes as Fix[])
  return [...sent, ...state.buffer]
}

const gapsOf = (state: TrackState) => state.pending.filter((entry) => entry.kind === 'gap').map((entry) => entry.body)

describe('thinning', () => {
  it('keeps a step of ten metres and leaves out trembling on the spot', () => {
    const state = run([heard(1, 0), heard(5, 4), heard(9, 9), heard(13, 11), heard(17, 14), heard(21, 22)])
    expect(fixesOf(state).map((kept) => kept.at.slice(17, 19))).toEqual(['01', '13', '21'])
  })

  it('says once in a while that the person is still there', () => {
    const state = run(Array.from({ length: 13 }, (_, index) => heard(index * 10, 0)))
    expect(fixesOf(state)).toHaveLength(3)
  })

  it('does not take the same position twice', () => {
    const state = run([heard(1, 0), { type: 'fix', fix: fix(1, 0), now: at(55) }])
    expect(fixesOf(state)).toHaveLength(1)
  })
})

describe('batches', () => {
  it('closes a batch after thirty seconds', () => {
    const state = run([heard(1, 0), heard(10, 20), { type: 'tick', now: at(30) }])
    expect(state.pending).toHaveLength(0)
    const later = step(state, { type: 'tick', now: at(31) }, () => uuid7())
    expect(later.pending.map((entry) => entry.kind)).toEqual(['track'])
    expect(later.buffer).toHaveLength(0)
  })

  it('closes a batch of twenty', () => {
    const state = run(Array.from({ length: 21 }, (_, index) => ({ type: 'fix' as const, fix: fix(index * 4, index * 20), now: at(1) })))
    expect(state.pending).toHaveLength(1)
    expect(state.pending[0]?.body.fixes).toHaveLength(20)
    expect(state.buffer).toHaveLength(1)
  })

  it('writes what it has before the screen goes off', () => {
    expect(run([heard(1, 0), { type: 'hidden', now: at(2) }]).pending).toHaveLength(1)
  })

  it('closes the batch of one round before the next begins', () => {
    const state = run([heard(1, 0), { type: 'round', round: null, now: at(5) }, heard(9, 50), { type: 'stop', now: at(10) }])
    expect(state.pending.map((entry) => entry.body.round)).toEqual(['round', null])
  })
})

describe('gaps', () => {
  it.each<[string, TrackEvent[], string]>([
    ['the screen was off', [{ type: 'hidden', now: at(10) }], 'screen_off'],
    ['there was no signal', [{ type: 'error', cause: 'no_signal', now: at(20) }], 'no_signal'],
    ['location was not allowed', [{ type: 'error', cause: 'permission', now: at(20) }], 'permission'],
    ['the app was closed', [{ type: 'hidden', now: at(10) }, { type: 'restarted', now: at(400) }], 'app_closed'],
    ['nobody knows', [], 'unknown'],
  ])('%s', (_what, between, cause) => {
    const state = run([heard(1, 0), ...between, heard(500, 300)])
    expect(gapsOf(state)).toEqual([
      { shift: 'shift', round: 'round', from: '2026-11-23T01:00:01.000Z', to: '2026-11-23T01:08:20.000Z', cause },
    ])
  })

  it('is none where positions were missing for less than a minute', () => {
    expect(gapsOf(run([heard(1, 0), { type: 'hidden', now: at(5) }, heard(60, 50)]))).toEqual([])
  })

  it('forgets a cause that is over', () => {
    const state = run([heard(1, 0), { type: 'hidden', now: at(5) }, heard(30, 20), heard(500, 90)])
    expect(gapsOf(state)).toMatchObject([{ cause: 'unknown' }])
  })

  it('is closed by the end of the shift', () => {
    const state = run([heard(1, 0), { type: 'hidden', now: at(5) }, { type: 'stop', now: at(300) }])
    expect(gapsOf(state)).toMatchObject([{ cause: 'screen_off', to: '2026-11-23T01:05:00.000Z' }])
  })

  it('says that the clock was changed, also backwards, and goes on from there', () => {
    const state = run([heard(600, 0), { type: 'clock_changed', now: at(60) }, heard(65, 30)])
    expect(gapsOf(state).at(-1)).toMatchObject({
      cause: 'clock_changed',
      from: '2026-11-23T01:01:00.000Z',
      to: '2026-11-23T01:10:00.000Z',
    })
    expect(fixesOf(state)).toHaveLength(2)
  })
})

it('covers the whole time: every minute without a position lies in a gap', () => {
  const event = fc.tuple(fc.integer({ min: 1, max: 200 }), fc.constantFrom('fix', 'hidden', 'tick', 'error', 'restarted'))
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (moves) => {
      let now = 0
      const heardAt = [0]
      const events = moves.map(([wait, type]): TrackEvent => {
        now += wait
        if (type === 'fix') heardAt.push(now)
        if (type === 'fix') return heard(now, now)
        if (type === 'error') return { type, cause: 'no_signal', now: at(now) }
        return { type: type as 'hidden' | 'tick' | 'restarted', now: at(now) }
      })
      heardAt.push(now)
      const state = run([...events, { type: 'stop', now: at(now) }])
      const silent = heardAt.slice(1).flatMap((to, index) => {
        const from = heardAt[index] ?? 0
        return to - from >= 60 ? [[at(from), at(to)]] : []
      })
      expect(gapsOf(state).map((gap) => [Date.parse(String(gap.from)), Date.parse(String(gap.to))])).toEqual(silent)
      const ids = state.pending.map((entry) => entry.id)
      expect(new Set(ids).size).toBe(ids.length)
    }),
  )
})

it('loses and doubles nothing when the page is killed between storing and writing', async () => {
  const user = uuid7()
  const first = new Recorder(user, () => undefined)
  await first.open('shift', null, at(0))
  await first.happen(heard(1, 0))
  await first.happen(heard(9, 50))
  const second = new Recorder(user, () => undefined) // the page was killed; a new one starts
  await second.open('shift', null, at(200))
  await second.happen(heard(201, 90))
  await second.close(at(210))
  const { entries } = await readKept(user)
  expect(entries.map((entry) => entry.kind)).toEqual(['track', 'gap', 'track'])
  expect(entries.flatMap((entry) => (entry.body.fixes as Fix[] | undefined) ?? [])).toHaveLength(3)
  expect(entries[1]?.body).toMatchObject({ cause: 'app_closed' })
  await second.happen(heard(300, 900)) // off duty: nothing is recorded
  expect((await readKept(user)).entries).toHaveLength(3)
})
