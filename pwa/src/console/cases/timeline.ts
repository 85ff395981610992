/** The life of a case in words: what each step was, and the facts that explain it. */
import { reasonWords } from '@/ui/common'
import {
  decisionWords,
  factWords,
  howWords,
  keptWords,
  modeWords,
  offlineWords,
  requestWords,
  returnWords,
  sourceWords,
  stepWords,
  triggerWords,
  whyWords,
} from '@/ui/caseWords'

import { day, t, type ConsoleKey } from '../words'
import { whoWords } from './caseWords'
import type { CaseDetail, CaseEvent } from './types'

/** A step as it is shown. */
export interface Told {
  title: string
  facts: string[]
  /** `alarm`: the rules had to act; `late`: it changed nothing; `good`: it went on. */
  tone: 'alarm' | 'late' | 'good' | 'plain'
}

type Say = (value: unknown, told: { known: ReadonlyMap<string, string>; now: Date; event: CaseEvent; owner: string | null }) => string | null

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)
const listed = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
const worded =
  (say: (word: string) => string): Say =>
  (value) =>
    text(value) === null ? null : say(String(value))

/** In the order in which they are said. */
const SAYINGS: Record<string, Say> = {
  trigger: (value, { event }) => escalation(value, event.data['nth']),
  owner_id: (value, { known }) => (text(value) === null ? null : t('timeline.to', { who: whoWords(value, known) })),
  why: worded(whyWords),
  facts: (value) => listed(value).map(factWords).join(t('list.and')) || null,
  reason: worded(returnWords),
  tell: (value) => {
    const people = listed(value).map(recipientWords)
    return people.length === 0 ? null : t('timeline.told', { who: people.join(t('list.and')) })
  },
  replace: (value, { event, owner }) =>
    text(value) === null ? null : (keptWords(event, owner) ?? t('timeline.replace', { who: recipientWords(String(value)) })),
  raise_to: (value) => (text(value) === null ? null : t('timeline.raise_to', { mode: modeWords(String(value)) })),
  final: (value) => (value === true ? t('timeline.final') : null),
  step: worded(stepWords),
  kind: (value, { event }) => (event.step === 'decide' && text(value) !== null ? requestWords(String(value)) : null),
  granted: (value) => (typeof value === 'boolean' ? decisionWords(value ? 'granted' : 'denied') : null),
  until: (value, { now }) => (text(value) === null ? null : t('timeline.until', { day: day(String(value), now) })),
  hold_ended: (value) => (value === true ? t('timeline.hold_ended') : null),
  parent: (value) => (text(value) === null ? null : t('timeline.parent', { number: String(value) })),
  duplicate: (value) => (text(value) === null ? null : t('timeline.duplicate', { number: String(value) })),
  source: worded(sourceWords),
  grade: (value) => (value === 'doubtful' ? t('timeline.doubtful') : null),
  reasons: (value) => listed(value).map(reasonWords).join(t('list.and')) || null,
}

function escalation(trigger: unknown, nth: unknown): string | null {
  if (text(trigger) === null) return null
  const words = triggerWords(String(trigger))
  return typeof nth === 'number' && nth > 1 ? t('timeline.nth', { trigger: words, n: nth }) : words
}

/** Whom a rule of the policy means. */
export function recipientWords(word: string): string {
  const known: Record<string, ConsoleKey> = {
    owner: 'recipient.owner',
    co_handlers: 'recipient.co_handlers',
    watcher: 'recipient.watcher',
    arbiter: 'recipient.arbiter',
    verifier: 'recipient.verifier',
    reporter: 'recipient.reporter',
    dispatchers: 'recipient.dispatchers',
    unit_head: 'recipient.unit_head',
    area_head: 'recipient.area_head',
    leaders: 'recipient.leaders',
    next_handler: 'recipient.next_handler',
    named_owner: 'recipient.named_owner',
    duty_desk: 'recipient.duty_desk',
  }
  const key = known[word]
  return key === undefined ? word : t(key)
}

function toneOf(event: CaseEvent): Told['tone'] {
  if (event.step === 'escalate' || event.step === 'return' || event.step === 'verify_fail') return 'alarm'
  if (event.step === 'late') return 'late'
  return ['accept', 'arrive', 'resolve', 'verify_pass', 'close'].includes(event.step) ? 'good' : 'plain'
}

const GIVING: readonly string[] = ['dispatch', 'arbitrate']

/** Who has the case after each of `events`, by name where it is known. */
export function ownersAfter(events: readonly CaseEvent[], known: ReadonlyMap<string, string>): Map<string, string | null> {
  let owner: string | null = null
  const after = new Map<string, string | null>()
  for (const event of [...events].sort((a, b) => a.ordinal - b.ordinal)) {
    const named = GIVING.includes(event.step) ? text(event.data['owner_id']) : null
    if (named !== null) owner = known.get(named) ?? null
    if (event.step === 'return') owner = null
    after.set(event.id, owner)
  }
  return after
}

/** One step in words. `known` are the names of people by id, `owner` is who has the case after it. */
export function toldOf(event: CaseEvent, known: ReadonlyMap<string, string>, now: Date, owner: string | null = null): Told {
  const facts = Object.entries(SAYINGS)
    .filter(([member]) => member in event.data)
    .map(([member, say]) => say(event.data[member], { known, now, event, owner }))
    .filter((fact) => fact !== null)
  facts.push(...[howWords(event), offlineWords(event)].filter((fact) => fact !== null))
  return { title: stepWords(event.step), facts, tone: toneOf(event) }
}

/** The newest step since *version* that somebody else took; one of the rules only where no person took any. */
export function overtaker(events: readonly CaseEvent[], version: number, me: string | null): CaseEvent | null {
  const news = events.filter((event) => event.ordinal > version).sort((a, b) => b.ordinal - a.ordinal)
  const others = news.filter((event) => event.actor !== null && event.actor.id !== me)
  return others[0] ?? news.find((event) => event.actor === null) ?? null
}

/** What is waited for now, and of whom; in a sentence. */
export function nextWords(found: CaseDetail, name: (part: string) => string | null, now: Date): string {
  const owner = name('owner') ?? t('next.somebody')
  switch (found.state) {
    case 'open':
      return t('next.open')
    case 'dispatched':
      return t('next.dispatched', { who: owner })
    case 'acknowledged':
      return t('next.acknowledged', { who: owner })
    case 'on_scene':
      return t('next.on_scene', { who: owner })
    case 'returned':
      return t('next.returned', { who: name('arbiter') ?? t('next.an_arbiter') })
    case 'on_hold':
      return t('next.on_hold', { day: found.hold_until === null ? t('next.unknown_day') : day(found.hold_until, now) })
    case 'resolved':
      return t('next.resolved', { who: name('verifier') ?? t('next.another') })
    case 'verified':
      return t('next.verified', { who: name('watcher') ?? t('next.somebody') })
    default:
      return t('next.over', { day: found.ended_at === null ? '' : day(found.ended_at, now) })
  }
}
