/** Shapes of the API that the apps use. Times are RFC 3339 text, ids UUID text, distances metres. */

export type Role = 'patroller' | 'handler' | 'dispatcher' | 'supervisor' | 'leader' | 'admin'
export type Datum = 'wgs84' | 'gcj02' | 'bd09'
export type Grade = 'verified' | 'doubtful'
export type ReviewState = 'none' | 'pending' | 'accepted' | 'rejected' | 'answered'
export type RoundState = 'planned' | 'started' | 'finished' | 'ended_early' | 'missed'

export interface Post {
  role: Role
  place_code: string
  place_name: string
  place_name_en: string
}

export interface User {
  id: string
  username: string
  display_name: string
  display_name_en: string
  street_code: string
  posts: Post[]
  verbs: string[]
}

export interface SessionAnswer {
  access_token: string
  expires_in: number
  user: User
}

export interface Settings {
  mode: 'development' | 'testing' | 'production'
  demo: boolean
  tile_url: string
  tile_datum: Datum
  tile_attribution: string
}

export interface Checkpoint {
  id: string
  code: string
  name: string
  name_en: string
  kind: string
  floor_label: string
  radius_m: number
  lat: number
  lon: number
}

export interface StopCheckIn {
  id: string
  captured_at: string
  grade: Grade
  reasons: string[]
  review_state: ReviewState
}

export interface Stop {
  ordinal: number
  checkpoint: Checkpoint
  check_ins: StopCheckIn[]
  skip: { reason: string; text: string } | null
}

export interface FieldRound {
  id: string
  route_id: string
  route_name: string
  route_name_en: string
  ordered: boolean
  place_code: string
  place_name: string
  place_name_en: string
  on_day: string
  window_starts_at: string
  window_ends_at: string
  state: RoundState
  started_at: string | null
  finished_at: string | null
  end_reason: string | null
  /** Nobody said that it is over; the phone still may. */
  ended_automatically: boolean
  stops: Stop[]
}

export interface ReviewNote {
  ordinal: number
  decision: 'accepted' | 'rejected'
  note: string
  decided_at: string
  decided_by: string
  decided_by_en: string
}

export interface Decision {
  proof_id: string
  round_id: string
  checkpoint_name: string
  checkpoint_name_en: string
  captured_at: string
  grade: Grade
  reasons: string[]
  review_state: ReviewState
  reviews: ReviewNote[]
  answer: { text: string; answered_at: string } | null
}

export interface RefusedEntry {
  id: string
  kind: string
  problem: string
  detail: string
  received_at: string
}

export interface Feed {
  server_time: string
  user_id: string
  shift: { id: string; started_at: string; place_code: string } | null
  shift_max_hours: number
  rounds: FieldRound[]
  decisions: Decision[]
  refused: RefusedEntry[]
}

export interface Look {
  at: string
  who: string
  who_en: string
  round_id: string | null
  round_name: string
  on_day: string
}

/** One entry's result in the answer of POST /sync. */
export interface SyncResult {
  id: string
  status: 'applied' | 'already' | 'held' | 'refused'
  grade?: Grade | null
  reasons?: string[]
  problem?: string | null
  detail?: string | null
  waits_for?: string | null
  was?: Omit<SyncResult, 'id' | 'was'> | null
}

export interface SyncAnswer {
  received_at: string
  clock_skew_s: number
  results: SyncResult[]
  resolved: SyncResult[]
}
