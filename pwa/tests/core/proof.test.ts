// What the phone warns of before a check-in is what the server would doubt: vectors shared with Python.
import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { warnings, type Attempt, type Spot } from '@/core/proof'

interface Case extends Omit<Attempt, 'at'> {
  name: string
  at: string
  spot: Spot
  warnings: string[]
}

const { cases } = JSON.parse(
  readFileSync(new URL('../../../tests/vectors/proof_warnings.json', import.meta.url), 'utf8'),
) as { cases: Case[] }

describe('warnings', () => {
  it.each(cases)('$name', ({ spot, warnings: expected, at, ...attempt }) => {
    expect(warnings(spot, { ...attempt, at: new Date(at) })).toEqual(expected)
  })
})
