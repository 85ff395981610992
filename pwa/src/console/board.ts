/** The board's arithmetic: groups, filters, figures. Pure. */
import type { ReviewState } from '@/core/types'
import type { StopState } from '@/map/types'

import type { Board, BoardCheckIn, BoardRound, Place, RoundStop } from './types'

export type RoundFilter = 'all' | 'open' | 'started' | 'finished' | 'missed' | 'doubtful'

/** The place of level `level` that `code` is, or lies in; null where there is none. */
export function ancestor(places: ReadonlyMap<string, Place>, code: string, level: Place['level']): Place | null {
  const seen = new Set<string>()
  for (let at = places.get(code); at !== undefined && !seen.has(at.code); at = places.get(at.parent_code ?? '')) {
    if (at.level === level) return at
    seen.add(at.code)
  }
  return null
}

/** True where `code` is `within` or lies in it. */
export function liesIn(places: ReadonlyMap<string, Place>, code: string, within: string): boolean {
  if (code === within) return true
  const level = places.get(within)?.level
  return level !== undefined && ancestor(places, code, level)?.code === within
}

/** A place and how deep it lies below the place that its list begins with. */
export interface TreeRow {
  place: Place
  depth: number
}

/** The places of `roots` and all that lies in them: each once, every place before what lies in it. */
export function treeOf(places: ReadonlyMap<string, Place>, roots: Iterable<string>): TreeRow[] {
  const below = new Map<string | null, Place[]>()
  for (const place of [...places.values()].sort((a, b) => a.code.localeCompare(b.code))) {
    below.set(place.parent_code, [...(below.get(place.parent_code) ?? []), place])
  }
  const rows: TreeRow[] = []
  const seen = new Set<string>()
  const walk = (place: Place, depth: number): void => {
    if (seen.has(place.code)) return
    seen.add(place.code)
    rows.push({ place, depth })
    for (const child of below.get(place.code) ?? []) walk(child, depth + 1)
  }
  const codes = [...new Set(roots)]
  const outermost = codes.filter((code) => !codes.some((other) => other !== code && liesIn(places, code, other)))
  for (const code of outermost.sort((a, b) => a.localeCompare(b))) {
    const place = places.get(code)
    if (place !== undefined) walk(place, 0)
  }
  return rows
}

/** Those on duty whose phones have sent no position in this shift. */
export function notPlaced<One extends { user_id: string }>(duty: readonly One[], people: readonly { user_id: string }[]): One[] {
  const placed = new Set(people.map((one) => one.user_id))
  return duty.filter((one) => !placed.has(one.user_id))
}

export function passes(round: BoardRound, filter: RoundFilter): boolean {
  switch (filter) {
    case 'all':
      return true
    case 'open':
      return round.state === 'planned' || round.state === 'started'
    case 'finished':
      return round.state === 'finished' || round.state === 'ended_early'
    case 'doubtful':
      return round.doubtful > 0
    default:
      return round.state === filter
  }
}

export interface RoundGroup {
  place_code: string
  area: Place | null
  rounds: BoardRound[]
}

/** Rounds by the place they belong to, in the order of the codes; inside by window, then by name. */
export function grouped(rounds: readonly BoardRound[], places: ReadonlyMap<string, Place>): RoundGroup[] {
  const groups = new Map<string, RoundGroup>()
  const order = [...rounds].sort(
    (a, b) =>
      a.place_code.localeCompare(b.place_code) ||
      a.window_starts_at.localeCompare(b.window_starts_at) ||
      a.route_name.localeCompare(b.route_name),
  )
  for (const round of order) {
    const group = groups.get(round.place_code)
    if (group !== undefined) group.rounds.push(round)
    else {
      const area = ancestor(places, round.place_code, 'area')
      groups.set(round.place_code, { place_code: round.place_code, area, rounds: [round] })
    }
  }
  return [...groups.values()]
}

export interface Figures {
  started: number
  finished: number
  missed: number
  pendingReviews: number
}

export function figuresOf(board: Board): Figures {
  const count = (filter: RoundFilter): number => board.rounds.filter((round) => passes(round, filter)).length
  return {
    started: count('started'),
    finished: count('finished'),
    missed: count('missed'),
    pendingReviews: board.rounds.reduce((sum, round) => sum + round.pending_reviews, 0),
  }
}

const MOST_NEEDY: readonly ReviewState[] = ['pending', 'answered', 'rejected', 'accepted', 'none']

/** One check-in for each checkpoint: the one that most needs a person; of equals, the latest. */
export function oneForEachCheckpoint(checkIns: readonly BoardCheckIn[]): BoardCheckIn[] {
  const need = (one: BoardCheckIn): number => MOST_NEEDY.indexOf(one.review_state)
  const found = new Map<string, BoardCheckIn>()
  for (const one of checkIns) {
    const other = found.get(one.checkpoint_id)
    const replaces =
      other === undefined ||
      need(one) < need(other) ||
      (need(one) === need(other) && one.captured_at > other.captured_at)
    if (replaces) found.set(one.checkpoint_id, one)
  }
  return [...found.values()]
}

/** How a stop stands on the map. Any visit beyond doubt makes it visited. */
export function stopState(stop: RoundStop): StopState {
  const open = (visit: RoundStop['check_ins'][number]): boolean =>
    visit.grade === 'doubtful' && visit.review_state !== 'accepted'
  if (stop.check_ins.some((visit) => !open(visit))) return 'visited'
  if (stop.check_ins.length > 0) return 'doubtful'
  return stop.skip === null ? 'todo' : 'skipped'
}
