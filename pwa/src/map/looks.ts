/**
 * How grades and stops look, in lists and on the map alike: a colour AND a shape AND a sign each, so
 * that nobody has to tell red from green. Colours follow the Okabe–Ito set, darkened for white ink.
 */
import type { CaseLook } from './types'

export interface Look {
  fill: string
  /** Outline and sign. */
  ink: string
  /** The body, an SVG path in a box of 24 × 24. */
  body: string
  /** The sign on it, stroked. */
  sign: string
}

const CIRCLE = 'M12 1.5a10.5 10.5 0 1 0 0 21a10.5 10.5 0 1 0 0-21Z'
const TRIANGLE = 'M12 1.2L23.4 21.6H0.6Z'
const DIAMOND = 'M12 0.6L23.4 12L12 23.4L0.6 12Z'
const SQUARE = 'M2 2H22V22H2Z'
const SHIELD = 'M12 0.8L21.8 4.4V12C21.8 17.6 17.6 21.6 12 23.4C6.4 21.6 2.2 17.6 2.2 12V4.4Z'
const HEXAGON = 'M6.4 2H17.6L23.2 12L17.6 22H6.4L0.8 12Z'

const TICK = 'M6.6 12.4L10.4 16.2L17.4 8.4'
const BANG = 'M12 8.2V14.2M12 17.6V18.2'
const QUERY = 'M9.2 9.4C9.2 6.2 14.8 6.2 14.8 9.4C14.8 11.6 12 11.6 12 14M12 17.4V17.8'
const FORWARD = 'M9.4 7L15.4 12L9.4 17'
const BARS = 'M9.2 7.6V16.4M14.8 7.6V16.4'
const DASH = 'M7.2 12H16.8'
const CROSS = 'M7.6 7.6L16.4 16.4M16.4 7.6L7.6 16.4'

export const COLOURS = {
  green: '#00704f',
  orange: '#b84a00',
  purple: '#7a3e9d',
  blue: '#005ea8',
  red: '#b3201d',
  dark: '#5c1020',
  slate: '#4a5560',
  grey: '#6f7983',
} as const

/** What became of a check-in. */
export type CheckInLook = 'verified' | 'pending' | 'answered' | 'accepted' | 'rejected'

export const CHECK_IN_LOOKS: Record<CheckInLook, Look> = {
  verified: { fill: COLOURS.green, ink: '#fff', body: CIRCLE, sign: TICK },
  pending: { fill: COLOURS.orange, ink: '#fff', body: TRIANGLE, sign: BANG },
  answered: { fill: COLOURS.purple, ink: '#fff', body: DIAMOND, sign: QUERY },
  accepted: { fill: COLOURS.blue, ink: '#fff', body: SHIELD, sign: TICK },
  rejected: { fill: COLOURS.dark, ink: '#fff', body: SQUARE, sign: CROSS },
}

/** The look of a check-in from its grade and the state of its review. */
export function checkInLook(grade: string, reviewState: string): CheckInLook {
  if (reviewState === 'accepted' || reviewState === 'rejected' || reviewState === 'answered') {
    return reviewState
  }
  return grade === 'verified' ? 'verified' : 'pending'
}

/** How cases stand: each by shape, sign and colour, so that one of them is enough. */
export const CASE_LOOKS: Record<CaseLook, Look> = {
  late: { fill: COLOURS.red, ink: '#fff', body: TRIANGLE, sign: BANG },
  waiting: { fill: COLOURS.orange, ink: '#fff', body: DIAMOND, sign: QUERY },
  working: { fill: COLOURS.blue, ink: '#fff', body: CIRCLE, sign: FORWARD },
  checking: { fill: COLOURS.purple, ink: '#fff', body: SHIELD, sign: TICK },
  held: { fill: COLOURS.slate, ink: '#fff', body: SQUARE, sign: BARS },
  ended: { fill: COLOURS.green, ink: '#fff', body: HEXAGON, sign: TICK },
  dropped: { fill: COLOURS.grey, ink: '#fff', body: HEXAGON, sign: DASH },
}

/** The look of a case from its state and whether it is overdue. */
export function caseLook(state: string, overdue: boolean): CaseLook {
  if (state === 'closed') return 'ended'
  if (state === 'void' || state === 'duplicate') return 'dropped' // nobody put anything right
  if (overdue) return 'late'
  if (state === 'on_hold') return 'held'
  if (state === 'resolved' || state === 'verified') return 'checking'
  return state === 'acknowledged' || state === 'on_scene' ? 'working' : 'waiting'
}

/**
 * Stops of a round. What has been walked carries the mark of its check-in, so that a thing looks the same
 * on every map; on a body without a sign the number of the stop is written.
 */
export const STOP_LOOKS = {
  none: { fill: '#fff', ink: COLOURS.blue, body: CIRCLE, sign: '' },
  todo: { fill: '#fff', ink: COLOURS.slate, body: CIRCLE, sign: '' },
  next: { fill: '#ffd84d', ink: '#1b2733', body: CIRCLE, sign: '' },
  picked: { fill: COLOURS.green, ink: '#fff', body: CIRCLE, sign: '' },
  visited: CHECK_IN_LOOKS.verified,
  doubtful: CHECK_IN_LOOKS.pending,
  skipped: { fill: COLOURS.slate, ink: '#fff', body: HEXAGON, sign: '' },
} as const satisfies Record<string, Look>
