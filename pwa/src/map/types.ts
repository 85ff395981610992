/**
 * What the map shows. All positions are WGS-84 degrees, all lengths metres, all times RFC 3339.
 * The map converts for display only, when the tiles beneath it use another datum.
 */
import type { Datum } from '../core/geo'
import type { Grade, ReviewState, Shapes } from '../core/types'
import type { Feature, FeatureCollection, MultiPolygon, Polygon } from 'geojson'

export type Lang = 'zh' | 'en'
export type { Datum } from '../core/geo'

/** Outlines as `GET /places/outlines` gives them. */
export type OutlineProperties = Shapes['OutlinePropertiesOut']
export type OutlineFeature = Feature<Polygon | MultiPolygon, OutlineProperties>
export type Outlines = FeatureCollection<Polygon | MultiPolygon, OutlineProperties>

/**
 * How far a stop of a round has come; `none` where a checkpoint is shown outside a round, `picked` where it
 * was chosen for a route.
 */
export type StopState = 'none' | 'picked' | 'todo' | 'next' | 'visited' | 'doubtful' | 'skipped'

export interface MapCheckpoint {
  id: string
  name: string
  name_en: string
  lat: number
  lon: number
  radius_m: number
  /** Number of the stop in its round; inside the marker, or before the name where a sign stands there. */
  ordinal?: number
  state?: StopState
}

export interface MapCheckIn {
  id: string
  lat: number
  lon: number
  grade: Grade
  review_state: ReviewState
  /** Where it is the fix that is shown and not the checkpoint: draws the accuracy circle. */
  accuracy_m?: number | null
}

export interface MapFix {
  at: string
  lat: number
  lon: number
  accuracy_m?: number | null
}

export interface MapGap {
  id: string
  started_at: string
  ended_at: string
  cause: string
}

export interface MapPerson {
  user_id: string
  display_name: string
  display_name_en: string
  lat: number
  lon: number
  accuracy_m: number | null
  fixed_at: string
}

export interface MapMe {
  lat: number
  lon: number
  accuracy_m: number
}

/** The tile layer of `GET /settings`; an empty address means the offline background alone. */
export interface TileSettings {
  tile_url: string
  tile_datum: Datum
  tile_attribution: string
}

export interface Position {
  lat: number
  lon: number
}

/** Something that the view should show whole: a position, with the circle around it where it has one. */
export interface Framed extends Position {
  radius_m?: number | null
}

/** How a case stands, as far as one must see it from afar. */
export type CaseLook = 'late' | 'waiting' | 'working' | 'checking' | 'held' | 'ended' | 'dropped'

export interface MapCase {
  id: string
  /** What stands below the mark: the class of the problem. */
  name: string
  lat: number
  lon: number
  look: CaseLook
  /** The circle that counts as on scene, metres; drawn where it is given. */
  radius_m?: number | null
}

/** The rectangle in sight. */
export interface Rectangle {
  west: number
  south: number
  east: number
  north: number
}

/** What was tapped. */
export interface Selected {
  kind: 'checkpoint' | 'check_in' | 'person' | 'case'
  id: string
}

/** Everything the map draws, as `MapView` takes it from its properties. */
export interface Scene {
  outlines: Outlines | null
  checkpoints: readonly MapCheckpoint[]
  checkIns: readonly MapCheckIn[]
  track: readonly MapFix[]
  gaps: readonly MapGap[]
  people: readonly MapPerson[]
  cases: readonly MapCase[]
  me: MapMe | null
  selectedId: string | null
  lang: Lang
}
