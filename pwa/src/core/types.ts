/**
 * Shapes of the API that the apps use, by the names that the apps use. All of them come out of the
 * server's contract. Times are RFC 3339 text, ids UUID text, distances metres.
 */
import type { components } from './api.gen'

export type Shapes = components['schemas']

export type Settings = Shapes['AboutShape']
export type Datum = Settings['tile_datum']

export type User = Shapes['MeOut']
export type Post = User['posts'][number]
export type Verb = User['verbs'][number]
export type SessionAnswer = Shapes['SessionOut']
export type Look = Shapes['LookItem']

export type Feed = Shapes['FeedShape']
export type FieldRound = Feed['rounds'][number]
export type Stop = FieldRound['stops'][number]
export type SkipReason = NonNullable<Stop['skip']>['reason']
export type Checkpoint = Stop['checkpoint']
export type StopCheckIn = Stop['check_ins'][number]
export type Grade = StopCheckIn['grade']
export type Reason = StopCheckIn['reasons'][number]
export type ReviewState = StopCheckIn['review_state']
export type Decision = Feed['decisions'][number]
export type RefusedEntry = Feed['refused'][number]

/** The answer of POST /sync, and one entry's result in it. */
export type SyncAnswer = Shapes['SyncAnswer']
export type SyncResult = SyncAnswer['results'][number]
