/** Which cases the board shows: in the address of the page, and as the question to the server. Pure. */
import type { Query } from '@/core/contract'

import life from '../../../../app/cases/life.json'
import type { CaseCard, CaseMode, CaseSource, CaseState } from './types'

export const STATES = life.states as CaseState[]
export const LIVE_STATES = STATES.filter((state) => !life.ended.includes(state))
export const ENDED_STATES = STATES.filter((state) => life.ended.includes(state))
export const MODES: readonly CaseMode[] = ['point', 'assign', 'watch']
export const SOURCES: readonly CaseSource[] = ['patrol', 'hotline', 'shop_code', 'sensor', 'video', 'inspection']

/** An empty text is no wish. `from` and `to` are days of the street, both included. */
export interface Filters {
  view: 'live' | 'ended'
  state: CaseState | ''
  mode: CaseMode | ''
  source: CaseSource | ''
  class: string
  department: string
  place: string
  number: string
  from: string
  to: string
  overdue: boolean
  acceptOverdue: boolean
  mine: boolean
}

export const NO_FILTERS: Filters = {
  view: 'live',
  state: '',
  mode: '',
  source: '',
  class: '',
  department: '',
  place: '',
  number: '',
  from: '',
  to: '',
  overdue: false,
  acceptOverdue: false,
  mine: false,
}

const DAY = /^\d{4}-\d{2}-\d{2}$/
const CLASS = /^[PM]-\d{5}$/

function oneOf<Word extends string>(words: readonly Word[], given: string): Word | '' {
  return words.find((word) => word === given) ?? ''
}

/** Out of the page's address; what makes no sense is no wish. */
export function readFilters(query: Record<string, unknown>): Filters {
  const text = (name: string): string => (typeof query[name] === 'string' ? query[name] : '')
  const view = text('view') === 'ended' ? 'ended' : 'live'
  const day = (name: string): string => (DAY.test(text(name)) ? text(name) : '')
  return {
    view,
    state: oneOf(view === 'live' ? LIVE_STATES : ENDED_STATES, text('state')),
    mode: oneOf(MODES, text('mode')),
    source: oneOf(SOURCES, text('source')),
    class: CLASS.test(text('class')) ? text('class') : '',
    department: text('department').slice(0, 40),
    place: text('place').slice(0, 32),
    number: text('number').slice(0, 40),
    from: day('from'),
    to: day('to'),
    overdue: text('overdue') === 'yes',
    acceptOverdue: text('acceptOverdue') === 'yes',
    mine: text('mine') === 'yes',
  }
}

/** Into the page's address: only what was wished for. */
export function writeFilters(filters: Filters): Record<string, string> {
  const query: Record<string, string> = {}
  for (const [name, value] of Object.entries(filters)) {
    if (value === true) query[name] = 'yes'
    else if (typeof value === 'string' && value !== '' && value !== 'live') query[name] = value
  }
  return query
}

/** True where anything but all live cases was asked for. */
export const isNarrowed = (filters: Filters): boolean => Object.keys(writeFilters(filters)).length > 0

/** As the server is asked. */
export function askedFor(filters: Filters): Query<'/cases'> {
  return {
    view: filters.view,
    state: filters.state || null,
    mode: filters.mode || null,
    source: filters.source || null,
    class_key: filters.class || null,
    department: filters.department || null,
    place: filters.place || null,
    number: filters.number.trim() || null,
    filed_from: filters.from === '' ? null : `${filters.from}T00:00:00+08:00`,
    filed_to: filters.to === '' ? null : `${filters.to}T23:59:59.999+08:00`,
    overdue: filters.overdue || null,
    accept_overdue: filters.acceptOverdue || null,
    mine: filters.mine || null,
  }
}

/** How many wishes stand beside the state and the view, which are always in sight. */
export function wishes(filters: Filters): number {
  const { mode, source, class: key, department, place, number, from, to } = filters
  return [mode, source, key, department, place, number, from, to].filter((value) => value !== '').length
}

/**
 * The list after its beginning was read anew: `fresh` takes the place of the first cards as far as it
 * reaches, what was read further down stays, and no case stands there twice.
 */
export function withFresh(shown: readonly CaseCard[], fresh: readonly CaseCard[], reach: number): CaseCard[] {
  const ids = new Set(fresh.map((card) => card.id))
  return [...fresh, ...shown.slice(reach).filter((card) => !ids.has(card.id))]
}
