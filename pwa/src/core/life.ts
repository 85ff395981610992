/**
 * The life of a case: which step is legal, for whom, and where it leads. Pure. The table is the server's own
 * (`app/cases/life.json`); `tests/vectors/case_life.json` holds both sides to the same answers.
 */
import table from '../../../app/cases/life.json'

export type Step = keyof typeof table.steps
export type CaseState =
  | 'open'
  | 'dispatched'
  | 'acknowledged'
  | 'on_scene'
  | 'returned'
  | 'on_hold'
  | 'resolved'
  | 'verified'
  | 'closed'
  | 'void'
  | 'duplicate'

interface Row {
  from: string[]
  to: string
  by: string[]
  needs: string[]
}

const STEPS = table.steps as Record<Step, Row>

/** The state a step leads to, or why it is refused: `state` (not now) or `part` (not you). */
export type Verdict = { to: CaseState; refusal: null } | { to: null; refusal: 'state' | 'part' }

/** May somebody with *parts* take *step* on a case in *state*? *previous* is where a hold began. */
export function decide(state: string, previous: string | null, step: Step, parts: readonly string[]): Verdict {
  const row = STEPS[step]
  if (!row.from.includes(state)) return { to: null, refusal: 'state' }
  if (!row.by.some((part) => parts.includes(part))) return { to: null, refusal: 'part' }
  const to = row.to === 'same' ? state : row.to === 'previous' ? (previous ?? 'acknowledged') : row.to
  return { to: to as CaseState, refusal: null }
}

/** The steps that somebody with *parts* may take now, in the table's order. */
export function openSteps(state: string, parts: readonly string[]): Step[] {
  return (Object.keys(STEPS) as Step[]).filter((step) => {
    const row = STEPS[step]
    return row.from.includes(state) && row.by.some((part) => parts.includes(part))
  })
}

/** True for a case that is over. */
export function isOver(state: string): boolean {
  return table.ended.includes(state)
}
