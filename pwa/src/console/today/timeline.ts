/** A track on a line of time from 0 to 1. Pure. */
import { cutTrack } from '@/map/geometry'

import type { BoardCheckIn, Track } from '../types'

export interface Timeline {
  starts: string
  ends: string
  parts: { kind: 'recorded' | 'gap'; from: number; to: number }[]
  gaps: { from: string; to: string; cause: string }[]
  marks: { at: number; checkIn: BoardCheckIn }[]
}

interface Span {
  kind: 'recorded' | 'gap'
  from: string
  to: string
  cause: string
}

/** The strip of a track; null where there is no stretch of time to show. */
export function timelineOf(track: Track): Timeline | null {
  const spans = spansOf(track)
  const moments = [
    ...spans.flatMap((span) => [span.from, span.to]),
    ...track.check_ins.map((one) => one.captured_at),
  ].map((at) => Date.parse(at))
  const first = Math.min(...moments)
  const last = Math.max(...moments)
  if (!(last > first)) return null
  const share = (at: string): number => (Date.parse(at) - first) / (last - first)
  return {
    starts: new Date(first).toISOString(),
    ends: new Date(last).toISOString(),
    parts: spans.map(({ kind, from, to }) => ({ kind, from: share(from), to: share(to) })),
    gaps: spans.filter((span) => span.kind === 'gap'),
    marks: track.check_ins.map((checkIn) => ({ at: share(checkIn.captured_at), checkIn })),
  }
}

/** What lies between fixes, and gaps before the first or after the last one, in the order of time. */
function spansOf(track: Track): Span[] {
  const spans: Span[] = []
  for (const { kind, positions, cause } of cutTrack(track.fixes, track.gaps)) {
    const [from, to] = [positions[0], positions.at(-1)]
    if (from !== undefined && to !== undefined) spans.push({ kind, from: from.at, to: to.at, cause })
  }
  const firstFix = track.fixes[0]?.at ?? ''
  const lastFix = track.fixes.at(-1)?.at ?? ''
  for (const gap of track.gaps) {
    const outside = gap.ended_at <= firstFix || gap.started_at >= lastFix
    if (outside) spans.push({ kind: 'gap', from: gap.started_at, to: gap.ended_at, cause: gap.cause })
  }
  return spans.sort((a, b) => a.from.localeCompare(b.from))
}
