// A policy's document: read as chains of rules in sentences, edited as text that stays the same document.
import './page'

import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { chainsOf, readDocument, writeDocument } from '@/console/policies/policy'
import { figuresWords, ruleWords } from '@/console/policies/policyWords'

const demo = JSON.parse(readFileSync(new URL('../../../data/demo/policy.json', import.meta.url), 'utf8')) as Record<string, unknown>
const CODE = /[a-z]+_[a-z]+/

describe("the street's policy", () => {
  it('is told without a code, every rule once', () => {
    const said = chainsOf(demo).flatMap((chain) => chain.rules.map(ruleWords))
    expect(said).toHaveLength((demo['rules'] as unknown[]).length)
    expect([...said, ...figuresWords(demo)].filter((line) => CODE.test(line))).toEqual([])
    expect(figuresWords(demo)).toHaveLength(5)
  })

  it('says of every raised case 点到人 who takes over, but where the arbiter decides', () => {
    const raised = chainsOf(demo).flatMap((chain) => chain.rules.filter((rule) => rule.mode === 'point' && rule.raise_to !== null))
    expect(new Set(raised.map((rule) => rule.trigger))).toEqual(new Set(['not_acknowledged', 'overdue', 'returned', 'reopened', 'raised', 'many_reports']))
    for (const rule of raised) {
      if (rule.trigger === 'returned') expect(ruleWords(rule)).not.toContain('换由')
      else expect(ruleWords(rule)).toContain('换由指定责任人承接')
    }
  })

  it('has its rules in the order of their occurrences', () => {
    for (const { rules } of chainsOf(demo)) {
      expect(rules.map((rule) => rule.nth)).toEqual(rules.map((rule) => rule.nth).sort((a, b) => a - b))
    }
  })

  it('is the same document after it was written as text, whatever order its members came in', () => {
    const backwards = Object.fromEntries(Object.entries(demo).reverse())
    expect(readDocument(writeDocument(backwards))).toEqual(demo)
    expect(writeDocument(backwards)).toBe(writeDocument(demo))
  })
})

it('waits while somebody is typing', () => {
  expect(readDocument('{"name": ')).toBeNull()
  expect(readDocument('[1]')).toBeNull()
})
