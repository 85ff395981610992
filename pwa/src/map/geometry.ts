/** Shapes that the map draws, from positions and metres. Pure; WGS-84 in, WGS-84 out. */
import { destination, distanceM } from '../core/geo'
import type { Framed, MapFix, MapGap, OutlineFeature, Position } from './types'

const CIRCLE_CORNERS = 64

/** A ring of lon/lat pairs around `centre`: right in metres at every zoom, unlike a circle in pixels. */
export function circleRing(centre: Position, radiusM: number): [number, number][] {
  const ring: [number, number][] = []
  for (let corner = 0; corner <= CIRCLE_CORNERS; corner += 1) {
    const at = destination(centre, radiusM, (corner * 360) / CIRCLE_CORNERS)
    ring.push([at.lon, at.lat])
  }
  return ring
}

/** A stretch of a track: recorded, or not recorded with the cause that the phone gave. */
export interface Stretch {
  kind: 'recorded' | 'gap'
  positions: MapFix[]
  /** Of a gap only. `unlabelled` where there are no fixes and the phone said nothing. */
  cause: string
  minutes: number
}

/** Without a fix for longer than this, the line in between is a guess and is drawn as one. */
export const SILENT_MS = 3 * 60_000

/**
 * Cuts a track at its gaps.
 *
 * Two fixes that follow each other are joined by a full line only when no gap lies between them and
 * they are less than `SILENT_MS` apart; otherwise the line between them is a gap.
 *
 * @param fixes in device-time order
 */
export function cutTrack(fixes: readonly MapFix[], gaps: readonly MapGap[]): Stretch[] {
  const stretches: Stretch[] = []
  let run: MapFix[] = []
  const close = (): void => {
    if (run.length > 1) stretches.push({ kind: 'recorded', positions: run, cause: '', minutes: 0 })
  }
  fixes.forEach((fix, index) => {
    const before = fixes[index - 1]
    const gap = before === undefined ? null : gapBetween(before, fix, gaps)
    if (before !== undefined && gap !== null) {
      close()
      run = []
      stretches.push({ kind: 'gap', positions: [before, fix], ...gap })
    }
    run.push(fix)
  })
  close()
  return stretches
}

function gapBetween(
  before: MapFix,
  after: MapFix,
  gaps: readonly MapGap[],
): { cause: string; minutes: number } | null {
  const from = Date.parse(before.at)
  const to = Date.parse(after.at)
  const named = gaps.find((gap) => Date.parse(gap.started_at) < to && Date.parse(gap.ended_at) > from)
  if (named === undefined && to - from < SILENT_MS) return null
  return { cause: named?.cause ?? 'unlabelled', minutes: Math.max(1, Math.round((to - from) / 60_000)) }
}

/** Where a place's name is written: the centroid of its largest outer ring. */
export function labelPosition(outline: OutlineFeature): Position {
  const { geometry } = outline
  const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates
  let best = { area: -1, lon: 0, lat: 0 }
  for (const polygon of polygons) {
    const found = ringCentroid(polygon[0] ?? [])
    if (found.area > best.area) best = found
  }
  return { lat: best.lat, lon: best.lon }
}

function ringCentroid(ring: readonly (readonly number[])[]): { area: number; lon: number; lat: number } {
  // Relative to the first corner: with raw degrees the sums lose their last digits
  const [originLon = 0, originLat = 0] = ring[0] ?? []
  let double = 0
  let lon = 0
  let lat = 0
  for (let index = 1; index < ring.length; index += 1) {
    const [aLon, aLat] = corner(ring[index - 1], originLon, originLat)
    const [bLon, bLat] = corner(ring[index], originLon, originLat)
    const cross = aLon * bLat - bLon * aLat
    double += cross
    lon += (aLon + bLon) * cross
    lat += (aLat + bLat) * cross
  }
  if (double === 0) return { area: 0, lon: originLon, lat: originLat }
  return {
    area: Math.abs(double / 2),
    lon: originLon + lon / (3 * double),
    lat: originLat + lat / (3 * double),
  }
}

function corner(at: readonly number[] | undefined, lon: number, lat: number): [number, number] {
  return [(at?.[0] ?? lon) - lon, (at?.[1] ?? lat) - lat]
}

/** A circle wider than this, of a fix that says little, would push everything else out of sight. */
const WIDEST_FRAME_M = 500

/** West, south, east, north of some positions and their circles; null where there are none. */
export function boundsOf(framed: readonly Framed[]): [number, number, number, number] | null {
  if (framed.length === 0) return null
  const positions = framed.flatMap((at) => {
    const radiusM = Math.min(at.radius_m ?? 0, WIDEST_FRAME_M)
    return radiusM > 0 ? [0, 90, 180, 270].map((bearing) => destination(at, radiusM, bearing)) : [at]
  })
  const lons = positions.map((at) => at.lon)
  const lats = positions.map((at) => at.lat)
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)]
}

/** Nearer than this, a person and the next stop make one picture. */
const NEAR_M = 500

/** What the map of a round opens with: the person and the next stop where they are near, else all stops. */
export function roundFrame(stops: readonly Position[], next: Position | null, me: Framed | null): readonly Framed[] {
  return me !== null && next !== null && distanceM(me, next) <= NEAR_M ? [me, next] : stops
}

/** The corners of outlines, to fit a view to them. */
export function cornersOf(outlines: readonly OutlineFeature[]): Position[] {
  return outlines.flatMap(({ geometry }) => {
    const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates
    return polygons.flatMap((polygon) =>
      (polygon[0] ?? []).map(([lon, lat]) => ({ lat: lat ?? 0, lon: lon ?? 0 })),
    )
  })
}
