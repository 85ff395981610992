/** The steps that the console can take on a case: what each asks for, and how it is sent. */
import { api } from '@/ui/session'

import type { CaseDetail, CaseStep } from './types'

export type Action =
  | 'dispatch'
  | 'arbitrate'
  | 'verify'
  | 'close'
  | 'hold'
  | 'resume'
  | 'decide'
  | 'void'
  | 'link'
  | 'reopen'
  | 'raise'
  | 'note'
  | 'call_in'
  | 'name_watcher'

/** What a form has to ask for. */
export interface Asks {
  text: 'needed' | 'optional'
  /** `free`: the rules may choose. */
  person?: 'needed' | 'free'
  /** The person is to watch, not to handle. */
  watcher?: true
  until?: true
  parent?: true
  /** A yes or no; after a no words are needed. */
  verdict?: true
}

export const ASKS: Record<Action, Asks> = {
  dispatch: { text: 'optional', person: 'free' },
  arbitrate: { text: 'needed', person: 'needed' },
  verify: { text: 'optional', verdict: true },
  close: { text: 'optional' },
  hold: { text: 'needed', until: true },
  resume: { text: 'optional' },
  decide: { text: 'needed', verdict: true },
  void: { text: 'needed' },
  link: { text: 'needed', parent: true },
  reopen: { text: 'needed' },
  raise: { text: 'needed' },
  note: { text: 'needed' },
  call_in: { text: 'optional', person: 'needed' },
  name_watcher: { text: 'optional', person: 'needed', watcher: true },
}

const STEP_ACTIONS: Partial<Record<CaseStep, Action>> = {
  dispatch: 'dispatch',
  arbitrate: 'arbitrate',
  verify_pass: 'verify',
  close: 'close',
  hold: 'hold',
  resume: 'resume',
  void: 'void',
  link: 'link',
  reopen: 'reopen',
  raise: 'raise',
  note: 'note',
  call_in: 'call_in',
  name_watcher: 'name_watcher',
}
const ORDER: readonly Action[] = ['arbitrate', 'verify', 'close', 'dispatch', 'resume', 'note', 'raise', 'call_in', 'name_watcher', 'hold', 'link', 'void', 'reopen']
/** What the state waits for comes first and stands out. */
const MAIN: Partial<Record<CaseDetail['state'], Action>> = {
  open: 'dispatch',
  returned: 'arbitrate',
  resolved: 'verify',
  verified: 'close',
  on_hold: 'resume',
}

/** The actions open to the reader now, the one that is waited for first. Requests have their own buttons. */
export function actionsOf(found: Pick<CaseDetail, 'state' | 'steps'>): { action: Action; main: boolean }[] {
  const open = new Set(found.steps.map((step) => STEP_ACTIONS[step]).filter((action) => action !== undefined))
  return ORDER.filter((action) => open.has(action))
    .map((action) => ({ action, main: MAIN[found.state] === action }))
    .sort((a, b) => Number(b.main) - Number(a.main))
}

/** Steps of the reader that need the phone: a position, a photo. */
export function phoneSteps(found: Pick<CaseDetail, 'steps' | 'my_part'>): CaseStep[] {
  if (found.my_part !== 'owner' && found.my_part !== 'co_handler') return []
  const onPhone: readonly CaseStep[] = ['accept', 'return', 'arrive', 'resolve', 'co_done']
  return found.steps.filter((step) => onPhone.includes(step))
}

/** A filled form. `id` was made when it opened. */
export interface Filled {
  id: string
  text: string
  personId: string | null
  until: string | null
  parentId: string | null
  verdict: boolean | null
  requestId: string | null
}

/** True where nothing that the server needs is missing. */
export function complete(action: Action, filled: Filled): boolean {
  const asks = ASKS[action]
  const refused = asks.verdict === true && filled.verdict === false
  return (
    ((asks.text === 'optional' && !refused) || filled.text.trim().length >= 2) &&
    (asks.person !== 'needed' || filled.personId !== null) &&
    (asks.until !== true || filled.until !== null) &&
    (asks.parent !== true || filled.parentId !== null) &&
    (asks.verdict !== true || filled.verdict !== null)
  )
}

/** Sends the step; the case as it then is. Call only where `complete`. */
export function sendStep(caseId: string, action: Action, filled: Filled): Promise<CaseDetail> {
  const text = filled.text.trim()
  const said = { id: filled.id, text }
  const needed = <Value>(value: Value | null): Value => {
    if (value === null) throw new Error(`the form of ${action} is not complete`)
    return value
  }
  switch (action) {
    case 'dispatch':
      return api.post(`/cases/${caseId}/dispatch`, { ...said, owner_id: filled.personId })
    case 'arbitrate':
      return api.post(`/cases/${caseId}/arbitration`, { ...said, owner_id: needed(filled.personId) })
    case 'verify':
      return api.post(`/cases/${caseId}/verification`, { ...said, passed: needed(filled.verdict) })
    case 'close':
      return api.post(`/cases/${caseId}/closing`, said)
    case 'hold':
      return api.post(`/cases/${caseId}/hold`, { ...said, until: needed(filled.until) })
    case 'resume':
      return api.post(`/cases/${caseId}/resumption`, said)
    case 'decide':
      return api.post(`/cases/${caseId}/decisions`, { ...said, request_id: needed(filled.requestId), granted: needed(filled.verdict) })
    case 'void':
      return api.post(`/cases/${caseId}/voiding`, said)
    case 'link':
      return api.post(`/cases/${caseId}/linking`, { ...said, parent_id: needed(filled.parentId) })
    case 'reopen':
      return api.post(`/cases/${caseId}/reopening`, said)
    case 'raise':
      return api.post(`/cases/${caseId}/raising`, said)
    case 'note':
      return api.post(`/cases/${caseId}/notes`, said)
    case 'call_in':
      return api.post(`/cases/${caseId}/co-handlers`, { ...said, user_id: needed(filled.personId) })
    case 'name_watcher':
      return api.post(`/cases/${caseId}/watcher`, { ...said, user_id: needed(filled.personId) })
  }
}
