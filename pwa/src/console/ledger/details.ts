/** The data of a ledger row in words: what a reader asks next, without ids. */
import { gradeWords, problemWords, reasonWords, skipWords } from '@/ui/common'
import { modeWords, returnWords, triggerWords } from '@/ui/caseWords'
import { gapCause } from '@/map/messages'
import { language } from '@/ui/language'

import { checkpointName, personName } from '../shared'
import { seconds, t, type ConsoleKey } from '../words'
import type { LedgerRow } from '../types'

/** Kinds of things that rows are about, for the filter. */
export const SUBJECTS = [
  'case',
  'check_in',
  'round',
  'proof',
  'shift',
  'route',
  'schedule',
  'checkpoint',
  'tag_sheet',
  'user',
  'session',
  'log',
  'log_entry',
  'street',
  'catalogue',
  'policy',
  'responsibility',
  'absence',
  'photo',
  'case_export',
  'work_calendar',
] as const

type Say = (value: unknown, row: LedgerRow) => string | null

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)
const count = (value: unknown): number | null => (typeof value === 'number' ? value : null)
const listed = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []

/** In the order in which they are said. */
const SAYINGS: readonly [member: string, say: Say][] = [
  ['number', (value) => text(value)],
  ['user_id', (value, row) => (text(value) === row.actor_id ? null : personName(text(value)))],
  ['owner_id', (value) => personName(text(value))],
  ['trigger', (value) => (text(value) === null ? null : triggerWords(String(value)))],
  ['raise_to', (value) => (text(value) === null ? null : modeWords(String(value)))],
  ['assignee_id', (value) => personName(text(value))],
  ['checkpoint_id', (value) => checkpointName(value)],
  ['grade', (value) => (text(value) === null ? null : gradeWords(String(value)))],
  ['reasons', (value) => listed(value).map(reasonWords).join(t('list.and')) || null],
  ['reason', (value, row) => why(text(value), row.action)],
  ['decision', (value, row) => decision(text(value), row.data['final'] === true)],
  ['outcome', (value) => outcomeWords(text(value))],
  ['visited', (value, row) => progress(count(value), count(row.data['stops']))],
  ['cause', (value) => (text(value) === null ? null : gapCause(String(value), language.value))],
  ['seconds', (value) => (count(value) === null ? null : seconds(Number(value)))],
  ['fixes', (value) => (count(value) === null ? null : t('detail.fixes', { n: Number(value) }))],
  ['problem', (value) => (text(value) === null ? null : problemWords(String(value)))],
  ['failures', (value) => (count(value) === null ? null : t('detail.failures', { n: Number(value) }))],
  ['checkpoint_ids', (value) => t('detail.checkpoints', { n: listed(value).length })],
  ['code', (value) => text(value)],
  ['end_kind', (value) => (value === 'automatic' ? t('detail.automatic') : null)],
  ['on_day', (value) => text(value)],
  ['places', (value) => (count(value) === null ? null : t('detail.places', { n: Number(value) }))],
]

const SESSION_ENDS: Record<string, ConsoleKey> = {
  everywhere: 'detail.everywhere',
  password_changed: 'action.user.password_changed',
  token_reused: 'detail.token_reused',
}

function why(reason: string | null, action: string): string | null {
  if (reason === null) return null
  if (action === 'case.returned') return returnWords(reason)
  if (action !== 'session.ended') return skipWords(reason)
  const key = SESSION_ENDS[reason]
  return key === undefined ? null : t(key) // one's own sign-out needs no more words
}

function outcomeWords(outcome: string | null): string | null {
  if (outcome === 'early') return t('detail.early')
  if (outcome === 'automatic') return t('detail.closed_automatically')
  return outcome === null ? null : t('detail.complete')
}

function decision(made: string | null, final: boolean): string | null {
  if (made === null) return null
  const words = t(made === 'accepted' ? 'review.did_accepted' : 'review.did_rejected')
  return final ? t('detail.final', { words }) : words
}

function progress(visited: number | null, stops: number | null): string | null {
  return visited === null || stops === null ? null : t('round.visited', { n: visited, of: stops })
}

/** The facts of a row, in one line. */
export function detailsOf(row: LedgerRow): string {
  return SAYINGS.filter(([member]) => member in row.data)
    .map(([member, say]) => say(row.data[member], row))
    .filter((part) => part !== null)
    .join(' · ')
}
