// A line of the timeline says who got the case, and why.
import { describe, expect, it } from 'vitest'

import type { CaseDetail, CaseEvent } from '@/core/caseTypes'

// The language in use is also that of the page, which vue must not take for a browser's
await import('vue')
const page = { documentElement: { lang: '', classList: { toggle: () => false } }, addEventListener: () => undefined }
Object.defineProperty(globalThis, 'document', { value: page, configurable: true })
const { moreWords, namesIn } = await import('@/field/cases/timeline')

const people = [
  { part: 'owner', until: '2026-11-24T02:00:00Z', person: { id: 'h1', display_name: '陈伟东', display_name_en: 'Chen Weidong' } },
  { part: 'owner', until: null, person: { id: 'h2', display_name: '周敏', display_name_en: 'Zhou Min' } },
] as unknown as CaseDetail['people']
const names = namesIn({ people })
const event = (step: string, data: Record<string, unknown>, more: object = {}) =>
  ({ step, data, at: '2026-11-24T01:00:00Z', received_at: '2026-11-24T01:00:01Z', ...more }) as CaseEvent

describe('a line of the timeline', () => {
  it('names who got the case, also where they no longer have it', () => {
    expect(moreWords(event('dispatch', { owner_id: 'h1', why: 'responsible' }), names)).toBe('交给陈伟东、按职责')
    expect(moreWords(event('dispatch', { owner_id: 'h2', why: 'chosen' }), names)).toBe('交给周敏、派单员指定')
  })

  it('names nobody whom it does not know', () => {
    expect(moreWords(event('dispatch', { owner_id: 'h9', why: 'responsible' }), names)).toBe('按职责')
    expect(namesIn(null).size).toBe(0)
  })

  it('says why a case was given back, and nothing where there is nothing to say', () => {
    expect(moreWords(event('return', { reason: 'not_ours' }), names)).toBe('不属于我的职责')
    expect(moreWords(event('accept', {}), names)).toBe('')
  })

  it('explains why a report came later than it was written', () => {
    const late = event('file', {}, { received_at: '2026-11-24T01:07:30Z' })
    expect(moreWords(late, names)).toBe('手机上先记下，7 分钟后才传到')
    expect(moreWords(event('file', {}, { received_at: '2026-11-24T01:02:00Z' }), names)).toBe('')
  })
})
