// Phone and server give the same answers about every step in the life of a case.
import { describe, expect, it } from 'vitest'

import { decide, isOver, openSteps, type Step } from '@/core/life'

import vectors from '../../../tests/vectors/case_life.json'

describe('the table of legal steps', () => {
  it.each(vectors.rows.map((row) => [`${row.step} in ${row.state} by ${row.parts.join(' and ')}`, row] as const))('%s', (_name, row) => {
    expect(decide(row.state, row.previous, row.step as Step, row.parts)).toEqual({ to: row.to, refusal: row.refused })
  })

  it('offers exactly the steps that it would allow', () => {
    for (const row of vectors.rows) {
      expect(openSteps(row.state, row.parts).includes(row.step as Step)).toBe(row.refused === null)
    }
  })

  it('knows what is over', () => {
    expect(['closed', 'void', 'duplicate', 'open', 'verified'].map(isOver)).toEqual([true, true, true, false, false])
  })
})
