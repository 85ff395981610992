// A closed case says whether it was put right in time.
import './page'

import { describe, expect, it } from 'vitest'

import { inTimeWords } from '@/console/cases/inTime'
import type { CaseDetail } from '@/console/cases/types'

function ended(state: string, due_at: string | null, ...steps: [string, string][]): CaseDetail {
  const events = steps.map(([step, time]) => ({ step, received_at: `2026-11-27T${time}Z` }))
  return { state, due_at, fixed_on_spot: false, events } as unknown as CaseDetail
}
const DUE = '2026-11-27T09:00:00Z'

describe('a closed case', () => {
  it('was in time where the work was, however long the check took', () => {
    expect(inTimeWords(ended('closed', DUE, ['resolve', '08:59:00'], ['close', '11:00:00']))).toEqual({ text: '按时了结', late: false })
  })

  it('was late by its last resolving, once a check had failed', () => {
    const twice = ended('closed', DUE, ['resolve', '08:00:00'], ['verify_fail', '08:30:00'], ['resolve', '09:35:00'])
    expect(inTimeWords(twice)).toEqual({ text: '超时 35 分钟才处置', late: true })
    expect(inTimeWords(ended('closed', DUE, ['resolve', '09:00:30']))).toEqual({ text: '超时不到 1 分钟才处置', late: true })
  })

  it('put right on the spot was done as it was filed', () => {
    expect(inTimeWords({ ...ended('closed', DUE, ['file', '08:00:00']), fixed_on_spot: true })?.late).toBe(false)
  })

  it('says nothing where there is nothing to judge', () => {
    expect(inTimeWords(ended('void', DUE, ['void', '10:00:00']))).toBeNull()
    expect(inTimeWords(ended('closed', null, ['resolve', '08:00:00']))).toBeNull()
    expect(inTimeWords(ended('closed', DUE, ['file', '08:00:00']))).toBeNull()
  })
})
