/** Shapes of the API that only the console uses; see `core/types.ts` for the shared ones. */
import type { Shapes } from '@/core/types'

export type Place = Shapes['PlaceOut']
export type PlacedCheckpoint = Shapes['CheckpointOut']
export type Person = Shapes['PersonOut']
export type Staff = Shapes['StaffItem']
export type OnDuty = Shapes['DutyItem']

export type Board = Shapes['BoardOut']
export type BoardRound = Board['rounds'][number]
export type BoardCheckIn = Board['check_ins'][number]

export type RoundDetail = Shapes['RoundDetailOut']
export type RoundStop = RoundDetail['stops'][number]
export type StopVisit = RoundStop['check_ins'][number]
export type Track = Shapes['TrackOut']

export type ReviewItem = Shapes['ReviewItemOut']
export type Route = Shapes['RouteShape']
export type Schedule = Shapes['ScheduleShape']
export type LedgerRow = Shapes['LedgerRowOut']

/** A list that comes in pages. */
export interface Page<Item> {
  items: Item[]
  next_cursor: string | null
}

/** What the live stream tells: a ledger row without its numbers and its actor. */
export type LiveEvent = Pick<LedgerRow, 'at' | 'action' | 'subject_kind' | 'subject_id' | 'place_code' | 'data'>
