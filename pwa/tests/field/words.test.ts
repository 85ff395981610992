// What waits, and why something was refused, is told in the phone's language.
import { describe, expect, it } from 'vitest'

// The language in use is also that of the page, which vue must not take for a browser's
await import('vue')
const page = { documentElement: { lang: '', classList: { toggle: () => false } }, addEventListener: () => undefined }
Object.defineProperty(globalThis, 'document', { value: page, configurable: true })
const { refusalWords, waitsWords } = await import('@/field/words')

describe('what waits for approval', () => {
  it.each([
    [{ kind: 'extension', amount: 1, until: null }, '等审批：延期 1 紧急工作日'],
    [{ kind: 'extension', amount: 1.5, until: null }, '等审批：延期 1.5 紧急工作日'],
    [{ kind: 'hold', amount: null, until: null }, '等审批：挂起'],
  ])('%o', (request, words) => {
    expect(waitsWords(request, 'urgent_days')).toBe(words)
  })

  it('names the end of a hold', () => {
    expect(waitsWords({ kind: 'hold', amount: null, until: '2020-01-02T01:00:00Z' }, 'work_hours')).toMatch(/^等审批：挂起到.*9:00$/)
  })
})

describe('a refused entry', () => {
  it('says of a second request that one waits', () => {
    expect(refusalWords('case_extension_asked', 'step-not-now')).toContain('已有申请在等审批')
    expect(refusalWords('case_hold_asked', 'https://example.org/problems/step-not-now')).toContain('已有申请在等审批')
  })

  it('says of all else what its problem means', () => {
    expect(refusalWords('case_accepted', 'step-not-now')).toContain('案件已有变化')
    expect(refusalWords('case_hold_asked', 'step-not-yours')).toContain('不由您来做')
    expect(refusalWords(null, 'entry-malformed')).toContain('读不出来')
  })
})
