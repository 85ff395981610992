// The console has words for everything that the server can name.
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { expect, it } from 'vitest'

import zh from '@/messages/console.zh.json'

const app = fileURLToPath(new URL('../../../app/', import.meta.url))
const source = (path: string): string => readFileSync(app + path, 'utf8')
const all = readdirSync(app, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.py'))
  .map(source)
  .join('\n')

const missing = (prefix: string, codes: Iterable<string>): string[] =>
  [...new Set(codes)].filter((code) => !(`${prefix}.${code}` in zh))

function listIn(text: string, name: string): string[] {
  const list = new RegExp(`${name}[^=\\n]*= \\(([^)]*)\\)`).exec(text)?.[1] ?? ''
  const codes = [...list.matchAll(/"(\w+)"/g)].map((match) => match[1] ?? '')
  expect(codes.length).toBeGreaterThan(3)
  return codes
}

it('explains every reason for doubt with its figures', () => {
  expect(missing('why', listIn(source('evidence/rules.py'), 'REASONS'))).toEqual([])
})

it('names every kind of checkpoint', () => {
  expect(missing('kind', listIn(source('places/checkpoint_rules.py'), 'KINDS'))).toEqual([])
})

it('names every action that is written to the ledger', () => {
  const actions = [...all.matchAll(/(?:record|_tell)\(\s*"([a-z_]+\.[a-z_]+)"/g)].map((match) => match[1] ?? '')
  expect(actions.length).toBeGreaterThan(12)
  expect(missing('action', [...actions, 'entry.held', 'entry.refused'])).toEqual([])
})

it('names every kind of thing that the ledger is about', () => {
  const kinds = [...all.matchAll(/subject_kind="(\w+)"/g)].map((match) => match[1] ?? '')
  expect(missing('subject', [...kinds, 'round', 'route', 'schedule', 'check_in'])).toEqual([])
})
