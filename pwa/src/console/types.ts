/** Shapes of the API that only the console uses; see `core/types.ts` for the shared ones. */
import type { Checkpoint, Grade, ReviewNote, ReviewState, Role, RoundState } from '@/core/types'

export interface Place {
  code: string
  level: 'street' | 'area' | 'unit' | 'community'
  parent_code: string | null
  name: string
  name_en: string
  street_code: string
}

export interface PlacedCheckpoint extends Checkpoint {
  unit_code: string
  community_code: string | null
  active: boolean
}

export interface Person {
  id: string
  display_name: string
  display_name_en: string
}

export interface Staff extends Person {
  username: string
  posts: { role: Role; place_code: string }[]
}

export interface OnDuty {
  user_id: string
  display_name: string
  display_name_en: string
  shift_id: string
  started_at: string
  place_code: string | null
}

export interface BoardRound {
  id: string
  route_name: string
  route_name_en: string
  place_code: string
  place_name: string
  place_name_en: string
  assignee: Person
  window_starts_at: string
  window_ends_at: string
  state: RoundState
  started_at: string | null
  finished_at: string | null
  end_reason: string | null
  /** Nobody said that it is over; the server ended it. */
  ended_automatically: boolean
  missed_at: string | null
  /** Past its window: finished after it, or still not finished. */
  late: boolean
  stops_total: number
  stops_visited: number
  stops_skipped: number
  doubtful: number
  pending_reviews: number
}

export interface BoardCheckIn {
  id: string
  round_id: string
  ordinal: number
  checkpoint_id: string
  checkpoint_name: string
  checkpoint_name_en: string
  lat: number
  lon: number
  captured_at: string
  received_at: string
  grade: Grade
  reasons: string[]
  review_state: ReviewState
  user_id: string
}

export interface SeenPerson {
  user_id: string
  display_name: string
  display_name_en: string
  lat: number
  lon: number
  fixed_at: string
  accuracy_m: number
  shift_started_at: string
}

export interface Board {
  on: string
  server_time: string
  rounds: BoardRound[]
  check_ins: BoardCheckIn[]
  people: SeenPerson[]
}

export interface StopVisit {
  id: string
  captured_at: string
  received_at: string
  grade: Grade
  reasons: string[]
  review_state: ReviewState
  distance_m: number | null
  accuracy_m: number | null
  fix_age_s: number | null
  tag_state: string
  clock_skew_s: number
}

export interface RoundStop {
  ordinal: number
  checkpoint: Checkpoint
  check_ins: StopVisit[]
  skip: { reason: string; text: string } | null
}

export interface RoundDetail extends BoardRound {
  on_day: string
  ordered: boolean
  stops: RoundStop[]
}

export interface Track {
  round_id: string
  fixes: { at: string; lat: number; lon: number; accuracy_m: number }[]
  gaps: { id: string; started_at: string; ended_at: string; cause: string }[]
  check_ins: BoardCheckIn[]
}

export interface ReviewItem {
  proof_id: string
  grade: Grade
  reasons: string[]
  review_state: ReviewState
  captured_at: string
  received_at: string
  fixed_at: string | null
  distance_m: number | null
  accuracy_m: number | null
  clock_skew_s: number
  tag_state: string
  lat: number | null
  lon: number | null
  checkpoint: {
    id: string
    name: string
    name_en: string
    lat: number
    lon: number
    radius_m: number
    floor_label: string
  }
  round: { id: string; route_name: string; route_name_en: string; on_day: string }
  user: Person
  reviews: ReviewNote[]
  answer: { text: string; answered_at: string } | null
}

export interface Page<Item> {
  items: Item[]
  next_cursor: string | null
}

export interface Route {
  id: string
  name: string
  name_en: string
  place_code: string
  place_name: string
  place_name_en: string
  ordered: boolean
  active: boolean
  checkpoint_ids: string[]
}

export interface Schedule {
  id: string
  route_id: string
  route_name: string
  route_name_en: string
  place_code: string
  assignee: Person
  starts_at_local: string
  recurrence: string
  window_minutes: number
  ended_at: string | null
}

export interface LedgerRow {
  id: number
  at: string
  actor_kind: string
  actor_id: string | null
  actor_name: string | null
  action: string
  subject_kind: string
  subject_id: string
  place_code: string
  data: Record<string, unknown>
}

/** What the live stream tells: a ledger row without its numbers and its actor. */
export interface LiveEvent {
  at: string
  action: string
  subject_kind: string
  subject_id: string
  place_code: string
  data: Record<string, unknown>
}
