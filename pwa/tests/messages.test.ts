// Both languages have the same words, every word is used, and no word is missing.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { describe, expect, it } from 'vitest'

const src = fileURLToPath(new URL('../src', import.meta.url))
const read = (name: string) => JSON.parse(readFileSync(join(src, 'messages', name), 'utf8')) as Record<string, string>
const files = readdirSync(join(src, 'messages'))
const names = [...new Set(files.map((file) => file.split('.')[0] ?? ''))]

const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(ts|vue)$/.test(path))
  .map((path) => readFileSync(join(src, path), 'utf8'))
  .join('\n')

/** Keys that code builds from a code of the server, such as `problem.off-duty`. */
const built = new Set([...sources.matchAll(/`(\w+)\.\$\{/g)].map((match) => `${match[1] ?? ''}.`))

const catalogue = readFileSync(new URL('../../app/core/problems.py', import.meta.url), 'utf8')
const grading = readFileSync(new URL('../../app/evidence/rules.py', import.meta.url), 'utf8')

describe.each(names)('%s', (name) => {
  const [zh, en] = [read(`${name}.zh.json`), read(`${name}.en.json`)]

  it('has the same keys in both languages', () => {
    expect(Object.keys(en)).toEqual(Object.keys(zh))
  })

  it('has the same places for values in both languages, and no empty words', () => {
    const places = (text = '') => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort()
    for (const key of Object.keys(zh)) {
      expect(places(en[key]), key).toEqual(places(zh[key]))
      expect(zh[key]?.trim() && en[key]?.trim(), key).toBeTruthy()
    }
  })

  it('has no key that nothing uses', () => {
    const unused = Object.keys(zh).filter(
      (key) => !sources.includes(`'${key}'`) && ![...built].some((prefix) => key.startsWith(prefix)),
    )
    expect(unused).toEqual([])
  })
})

describe('words for what the server says', () => {
  const common = read('common.zh.json')

  it('knows every problem', () => {
    const slugs = [...catalogue.matchAll(/_define\("([\w-]+)"/g)].map((match) => match[1] ?? '')
    expect(slugs.length).toBeGreaterThan(20)
    expect(slugs.filter((slug) => !(`problem.${slug}` in common))).toEqual([])
  })

  it('knows every reason for doubt, and what to do about it', () => {
    const table = /REASONS = \(([^)]*)\)/.exec(grading)?.[1] ?? ''
    const codes = [...table.matchAll(/"(\w+)"/g)].map((match) => match[1] ?? '')
    expect(codes.length).toBeGreaterThan(15)
    expect(codes.filter((code) => !(`reason.${code}` in common) || !(`advice.${code}` in common))).toEqual([])
  })
})
