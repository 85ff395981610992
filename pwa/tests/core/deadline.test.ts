// The arithmetic of a deadline is told in the same words here and on the server.
import { describe, expect, it } from 'vitest'

import { arithmeticWords, dueOf } from '@/core/deadline'

import vectors from '../../../tests/vectors/worktime.json'

describe('the arithmetic of a deadline', () => {
  it.each(vectors.cases.map((row) => [row.name, row] as const))('%s', (_name, row) => {
    expect(arithmeticWords(row.document, 'zh', vectors.reasons.zh)).toEqual(row.words.zh)
    expect(arithmeticWords(row.document, 'en', vectors.reasons.en)).toEqual(row.words.en)
  })
})

describe('the deadline that counts now', () => {
  const now = Date.parse('2026-11-24T10:00:00Z')

  it('passes at its very moment, not before', () => {
    const at = (due_at: string) => dueOf({ state: 'on_scene', due_at, acknowledge_due_at: null }, now)
    expect(at('2026-11-24T10:00:00Z')).toEqual({ kind: 'left', what: 'resolve', ms: 0 })
    expect(at('2026-11-24T09:59:59Z')).toEqual({ kind: 'overdue', what: 'resolve', ms: 1000 })
  })

  it('says so where there is none', () => {
    expect(dueOf({ state: 'open', due_at: null, acknowledge_due_at: null }, now)).toEqual({ kind: 'none' })
  })
})
