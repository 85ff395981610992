// There are words for everything that the server can name about cases, and deadlines are told truly.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { describe, expect, it } from 'vitest'

import zh from '@/messages/common.zh.json'

import life from '../../../app/cases/life.json'

// The language in use is also that of the page, which vue must not take for a browser's
await import('vue')
const page = { documentElement: { lang: '', classList: { toggle: () => false } } }
Object.defineProperty(globalThis, 'document', { value: page, configurable: true })
const { dueWords, howWords, lengthWords, limitWords, stateWords, stepWords, unitWords } = await import('@/ui/caseWords')
const { language } = await import('@/ui/language')

const source = readFileSync(fileURLToPath(new URL('../../../app/cases/words.py', import.meta.url)), 'utf8')
const listIn = (name: string): string[] =>
  [...(new RegExp(`${name}: Final = \\(([^)]*)\\)`).exec(source)?.[1] ?? '').matchAll(/"(\w+)"/g)].map((match) => match[1] ?? '')
const rules = readFileSync(fileURLToPath(new URL('../../../app/cases/responsibility/dispatch_rules.py', import.meta.url)), 'utf8')
const literal = (name: string): string[] =>
  [...(new RegExp(`${name} = Literal\\[([^\\]]*)\\]`).exec(rules)?.[1] ?? '').matchAll(/"(\w+)"/g)].map((match) => match[1] ?? '')
const missing = (prefix: string, codes: string[]): string[] => codes.filter((code) => !(`${prefix}.${code}` in zh))

describe('words', () => {
  it.each([
    ['case_state', life.states],
    ['case_step', [...Object.keys(life.steps), ...listIn('OTHER_STEPS')]],
    ['case_do', Object.keys(life.steps)],
    ['case_mode', listIn('MODES')],
    ['case_level', listIn('LEVELS')],
    ['case_source', listIn('SOURCES')],
    ['case_part', [...listIn('PARTS'), 'reporter']],
    ['limit_unit', listIn('UNITS')],
    ['return_reason', listIn('RETURN_REASONS')],
    ['photo_role', listIn('PHOTO_ROLES')],
    ['owner_why', [...literal('Why'), 'named', 'arbitrated', 'called_in', 'was_owner', 'took_over']],
    ['owner_fact', literal('Fact')],
  ])('for every %s', (prefix, codes) => {
    expect(codes.length).toBeGreaterThan(2)
    expect(missing(prefix, codes)).toEqual([])
  })

  it('shows a word of a newer server as it is', () => {
    expect(stateWords('dispatched')).toBe('待接单')
    expect(stepWords('teleported')).toBe('teleported')
  })
})

describe('a deadline in words', () => {
  const now = Date.parse('2026-11-24T10:00:00Z')
  const due = (state: string, due_at: string | null, acknowledge_due_at: string | null = null) =>
    dueWords({ state, due_at, acknowledge_due_at }, now)

  it('says how much is left and how much it is late', () => {
    expect(due('acknowledged', '2026-11-24T11:40:00Z')).toEqual({ text: '还剩 1 小时 40 分', late: false })
    expect(due('on_scene', '2026-11-24T09:35:00Z')).toEqual({ text: '已超时 25 分钟', late: true })
    expect(lengthWords(50 * 3_600_000)).toBe('2 天 2 小时')
  })

  it('is the one for accepting while nobody has accepted', () => {
    expect(due('dispatched', '2026-11-24T12:00:00Z', '2026-11-24T10:20:00Z')).toEqual({ text: '接单还剩 20 分钟', late: false })
    expect(due('acknowledged', '2026-11-24T12:00:00Z', '2026-11-24T10:20:00Z')?.text).toBe('还剩 2 小时 0 分')
  })

  it('is the one for verifying once it is said to be resolved', () => {
    const resolved = (verify_due_at: string | null) =>
      dueWords({ state: 'resolved', due_at: '2026-11-24T09:00:00Z', acknowledge_due_at: null, verify_due_at }, now)
    expect(resolved('2026-11-24T13:05:00Z')).toEqual({ text: '核查还剩 3 小时 5 分', late: false })
    expect(resolved('2026-11-24T09:50:00Z')).toEqual({ text: '核查已超时 10 分钟', late: true })
    expect(resolved(null)).toBeNull()
  })

  it('tells parts of an hour in minutes', () => {
    expect([limitWords(1 / 3, 'work_hours'), limitWords(0.33, 'urgent_hours')]).toEqual(['20 分钟（按工作时间）', '20 分钟'])
    expect(limitWords(1.5, 'work_hours')).toBe('1.5 工作时')
  })

  it('counts one as one, also in English', () => {
    expect(limitWords(1, 'urgent_days')).toBe('1 紧急工作日')
    language.value = 'en'
    expect([limitWords(1, 'urgent_days'), limitWords(1.5, 'urgent_days'), limitWords(2, 'work_hours')]).toEqual(['1 urgent day', '1.5 urgent days', '2 working hours'])
    language.value = 'zh'
  })

  it('has only just passed while it has passed by less than a minute', () => {
    expect(due('dispatched', null, '2026-11-24T09:59:20Z')).toEqual({ text: '接单刚超时', late: true })
    expect(due('on_scene', '2026-11-24T09:59:20Z')?.text).toBe('刚超时')
  })

  it('stands still on hold, and is over when the work is done', () => {
    expect(due('on_hold', null)).toEqual({ text: '计时暂停', late: false })
    expect(due('resolved', '2026-11-24T09:00:00Z')).toBeNull() // as an older server tells it
    expect(due('closed', null)).toBeNull()
  })
})

describe('how somebody was there', () => {
  it.each([
    ['arrive', { by_position: true, distance_m: 12 }, '按位置记下'],
    ['arrive', { grade: 'verified', distance_m: 12 }, '本人点的到场'],
    ['verify_pass', { grade: 'verified', reasons: [], distance_m: 12 }, '现场核查'],
    ['verify_pass', { grade: 'doubtful', reasons: ['off_duty'], distance_m: 12 }, '现场核查'],
    ['verify_fail', { grade: 'doubtful', reasons: ['outside_radius'], distance_m: 900 }, '不在现场核查'],
    ['verify_pass', { grade: 'doubtful', reasons: ['no_fix'], distance_m: null }, null], // nobody knows
    ['verify_pass', {}, '按照片核查'],
    ['resolve', { grade: 'verified', distance_m: 12 }, null],
    ['file', { remark: 'below_threshold' }, '测量值没有达到立案标准'],
    ['file', { remark: null }, null],
  ])('%s %o: %s', (step, data, words) => {
    expect(howWords({ step, data })).toBe(words)
  })
})

it('writes a unit with its raised figure', () => {
  expect(['cm2', 'm3', 'cm', ''].map(unitWords)).toEqual(['cm²', 'm³', 'cm', ''])
})
