/**
 * Cases as the person sees them: the server's last word with the phone's own log laid over it, so that what
 * was just done shows at once, without network. Pure.
 */
import type { LocalAct, Standing } from './feed'
import { distanceM, type LatLon } from './geo'
import { decide, openSteps, type CaseState, type Step } from './life'
import type { CaseDetail, FieldCase, FieldCases, NearCase } from './caseTypes'

/** A case with what this phone has done to it since. */
export interface SeenCase extends Omit<FieldCase, 'state' | 'steps'> {
  state: CaseState
  steps: Step[]
  /** The last step of this phone that the server has not shown yet, and where it stands. */
  pending: { step: Step; standing: Standing; at: string } | null
}

/** A report that the server has not shown yet. */
export interface OwnReport {
  id: string
  at: string
  class_key: string
  text: string
  address: string
  photos: number
  first_photo: string | null // sha256
  fixed_on_spot: boolean
  joined: string | null // the case that it was added to
  standing: Standing
}

export interface SeenCases {
  tasks: SeenCase[]
  to_verify: SeenCase[]
  watching: SeenCase[]
  reported: SeenCase[]
  nearby: NearCase[]
  unsent: OwnReport[] // newest first
}

const STEP_OF: Record<string, Step> = {
  case_accepted: 'accept',
  case_returned: 'return',
  case_arrived: 'arrive',
  case_resolved: 'resolve',
  case_noted: 'note',
  case_hold_asked: 'ask_hold',
  case_extension_asked: 'ask_extension',
  case_resumed: 'resume',
  case_co_done: 'co_done',
  case_joined: 'join',
}

/** The step that an entry takes; null for entries that are about no case. */
export function stepOf(act: Pick<LocalAct, 'kind' | 'body'>): Step | null {
  if (act.kind === 'case_verified') return act.body.passed === true ? 'verify_pass' : 'verify_fail'
  return STEP_OF[act.kind] ?? null
}

/** Lay *acts* over what the feed says of cases. Acts that the server has applied already change nothing. */
export function mergeCases(feed: FieldCases | null, acts: readonly LocalAct[]): SeenCases {
  const seen: SeenCases = {
    tasks: (feed?.tasks ?? []).map(plain),
    to_verify: (feed?.to_verify ?? []).map(plain),
    watching: (feed?.watching ?? []).map(plain),
    reported: (feed?.reported ?? []).map(plain),
    nearby: feed?.nearby ?? [],
    unsent: [],
  }
  const reportedIds = new Set(seen.reported.map((one) => one.id))
  for (const act of acts) {
    if (act.kind === 'case_reported' && !reportedIds.has(act.id)) seen.unsent.unshift(ownReport(act))
    if (act.kind === 'case_joined' && act.standing !== 'server') seen.unsent.unshift(ownReport(act))
    const step = stepOf(act)
    if (!step || step === 'join') continue
    for (const list of [seen.tasks, seen.to_verify, seen.watching]) {
      for (const one of list) if (one.id === act.body.case) take(one, step, act)
    }
  }
  return seen
}

/**
 * One case for its own page: whichever of list and page the server made later, with what this phone has done
 * since laid over it. Of two of the same age the page's own, which is asked for more often.
 */
export function caseNow(listed: FieldCase | null, detail: CaseDetail | null, acts: readonly LocalAct[]): SeenCase | null {
  const fromPage = detail !== null && (listed === null || detail.version >= listed.version)
  const card = fromPage ? detail : listed
  if (card === null) return null
  const one = plain(card)
  const told = new Set(fromPage ? detail.events.map((event) => event.id) : [])
  for (const act of acts) {
    const step = stepOf(act)
    if (step && step !== 'join' && act.body.case === one.id && !told.has(act.id)) take(one, step, act)
  }
  return one
}

/** What an owner has asked for and nobody has decided on. */
export interface OpenRequest {
  kind: string // hold, extension
  amount: number | null
  until: string | null
}

/** The request that waits: as the server tells, or as this phone has just written it. One at a time is taken. */
export function openRequest(one: Pick<SeenCase, 'id' | 'state'>, detail: CaseDetail | null, acts: readonly LocalAct[]): OpenRequest | null {
  if (decide(one.state, null, 'decide', ['dispatcher']).refusal !== null) return null // nobody can decide on it now
  const requests = detail?.requests ?? []
  const waiting = requests.find((request) => request.decision === null)
  if (waiting) return waiting
  const mine = acts.find((act) => isAsking(act) && act.body.case === one.id && !requests.some((request) => request.id === act.id))
  if (!mine) return null
  const { amount, until } = mine.body
  return {
    kind: mine.kind === 'case_hold_asked' ? 'hold' : 'extension',
    amount: typeof amount === 'number' ? amount : null,
    until: text(until) || null,
  }
}

function isAsking({ kind }: Pick<LocalAct, 'kind'>): boolean {
  return kind === 'case_hold_asked' || kind === 'case_extension_asked'
}

function plain(one: FieldCase): SeenCase {
  return { ...one, state: one.state as CaseState, steps: one.steps as Step[], pending: null }
}

function take(one: SeenCase, step: Step, act: LocalAct): void {
  const parts = one.my_part ? [one.my_part] : []
  // What the server offered me I may take, whatever I am to the case; after that, by the table
  const mine = one.steps.includes(step) ? [...parts, 'verifier', 'owner', 'co_handler', 'watcher'] : parts
  const verdict = decide(one.state, null, step, mine)
  if (verdict.refusal !== null) return
  if (verdict.to !== one.state) {
    one.state = verdict.to
    one.steps = openSteps(one.state, parts).filter((next) => PHONE_STEPS.includes(next))
  }
  one.pending = { step, standing: act.standing, at: act.at }
}

/** The steps that the phone can write into its log. */
export const PHONE_STEPS: readonly Step[] = [
  'accept',
  'return',
  'arrive',
  'resolve',
  'verify_pass',
  'verify_fail',
  'note',
  'ask_hold',
  'ask_extension',
  'resume',
  'co_done',
]

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function ownReport(act: LocalAct): OwnReport {
  const photos = Array.isArray(act.body.photos) ? (act.body.photos as { sha256?: string }[]) : []
  return {
    id: act.id,
    at: act.at,
    class_key: text(act.body.class),
    text: text(act.body.text),
    address: text(act.body.address),
    photos: photos.length,
    first_photo: photos[0]?.sha256 ?? null,
    fixed_on_spot: act.body.fixed_on_spot === true,
    joined: text(act.body.case) || null,
    standing: act.standing,
  }
}

/** True where somebody still has to do something: what a badge counts. */
export function isOpenTask(one: SeenCase): boolean {
  return one.steps.some((step) => ['accept', 'resolve', 'arrive', 'co_done', 'resume', 'verify_pass'].includes(step))
}

/** Cases to check: those that I was asked to check before those that I merely may. */
export function toVerifyOrder(cases: readonly SeenCase[]): SeenCase[] {
  return byUrgency(cases).sort((a, b) => Number(b.my_part === 'verifier') - Number(a.my_part === 'verifier'))
}

/** So vague a position points at an area, not at a spot. */
export const VAGUE_M = 100

/** True where the position of the case is no more than the middle of where it may be. */
export function isVague(one: Pick<SeenCase, 'accuracy_m'>): boolean {
  return one.accuracy_m > VAGUE_M
}

/** Most urgent first: overdue, then by the deadline that counts now; what waits for nobody last. */
export function byUrgency(cases: readonly SeenCase[]): SeenCase[] {
  const due = (one: SeenCase) => Date.parse((one.state === 'dispatched' ? one.acknowledge_due_at : null) ?? one.due_at ?? '') || Infinity
  return [...cases].sort((a, b) => Number(isOpenTask(b)) - Number(isOpenTask(a)) || due(a) - due(b) || a.number.localeCompare(b.number))
}

export const SAME_CLASS_M = 50
export const ANY_CLASS_M = 30

export interface Near {
  one: NearCase
  metres: number
  same: boolean // of the class that is being reported
}

/**
 * Live cases that may be what is about to be reported: of the same class within 50 m, of any within 30 m.
 * The accuracy of the position counts for them, as far as it is usable.
 */
export function nearCases(known: readonly NearCase[], here: LatLon & { acc?: number }, classKey: string | null): Near[] {
  const slack = Math.min(here.acc ?? 0, 30)
  return known
    .map((one) => ({ one, metres: distanceM(here, one), same: one.class_key === classKey }))
    .filter(({ metres, same }) => metres <= (same ? SAME_CLASS_M : ANY_CLASS_M) + slack)
    .sort((a, b) => Number(b.same) - Number(a.same) || a.metres - b.metres)
}
