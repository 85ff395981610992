// A report says what the form says, and cannot be sent before the server would take it.
import { describe, expect, it } from 'vitest'

import type { CaseClass } from '@/core/caseTypes'
import type { DraftPhoto } from '@/core/db'
import type { Fix } from '@/core/proof'
import { EMPTY_REPORT, fixOf, joinText, missingIn, photosOf, reportBody, spotOf } from '@/field/cases/report'
import { dayTimes, stepBody, stepReady, type StepFields } from '@/field/cases/steps'

const fix = (acc: number): Fix => ({ at: '2026-11-24T01:00:00Z', lat: 31.24, lon: 121.41, acc, datum: 'wgs84', src: 'gnss' })
const photo = (role: DraftPhoto['role'], acc: number | null = 8): DraftPhoto => ({ sha256: role.padEnd(64, 'a'), role, at: '2026-11-24T01:00:00Z', fix: acc === null ? null : fix(acc) })
const measured = { ordinal: 2, text: '破损', text_en: '', measure: '面积', measure_en: '', measure_unit: 'cm2', comparison: '>', threshold: 25 }
const plain = { ...measured, ordinal: 1, comparison: 'any', threshold: null }
const entry = (conditions: object[]) => ({ key: 'P-01001', conditions }) as unknown as CaseClass

describe('a report', () => {
  it.each([
    ['photo', {}, [], null],
    ['class', {}, [photo('before')], null],
    ['condition', {}, [photo('before')], entry([plain, measured])],
    ['number', { condition: 2 }, [photo('before')], entry([plain, measured])],
    ['number', { condition: 2, measured: '-1' }, [photo('before')], entry([plain, measured])],
    ['number', { condition: 2, measured: 'viel' }, [photo('before')], entry([plain, measured])],
    [null, { condition: 2, measured: '3.5' }, [photo('before')], entry([plain, measured])], // below is sendable
    [null, { condition: 1 }, [photo('before')], entry([plain, measured])],
    [null, {}, [photo('before')], entry([])],
    ['after', { fixed: true }, [photo('before')], entry([])],
    ['before', { fixed: true }, [photo('after')], entry([])],
    [null, { fixed: true }, [photo('before'), photo('after')], entry([])],
  ] as const)('still needs: %s', (missing, change, photos, chosen) => {
    expect(missingIn({ ...EMPTY_REPORT, ...change }, photos, chosen)).toBe(missing)
  })

  it.each([
    ['破损：3.5 cm2。还在扩大', { condition: 2, measured: '3.5', text: ' 还在扩大 ' }],
    ['破损', { condition: 1, measured: '7' }],
    ['还在', { text: '还在' }],
    ['', {}],
  ])('that joins another says what was found: %s', (said, change) => {
    expect(joinText({ ...EMPTY_REPORT, ...change }, entry([plain, measured]))).toBe(said)
  })

  it('that joins another says no more than a case takes', () => {
    expect(joinText({ ...EMPTY_REPORT, text: 'x'.repeat(1000), condition: 1 }, entry([plain]))).toHaveLength(1000)
    expect(joinText({ ...EMPTY_REPORT, text: 'x' }, null)).toBe('x')
  })

  it('is where its sharpest photo was taken, unless a spot was pointed at', () => {
    const photos = [photo('before', 40), photo('after', 6), photo('before', null)]
    expect(fixOf(EMPTY_REPORT, photos)?.acc).toBe(6)
    expect(fixOf({ ...EMPTY_REPORT, spot: fix(15) }, [photo('before', null)])?.acc).toBe(15)
    expect(spotOf({ ...EMPTY_REPORT, pin: { lat: 31, lon: 121 } }, photos, null)).toEqual({ lat: 31, lon: 121 })
    expect(spotOf(EMPTY_REPORT, [], null)).toBeNull()
  })

  it('carries what was filled in and nothing else', () => {
    const about = { catalogue: 3, shift: null, here: null }
    const photos = [photo('before'), photo('after')]
    const body = reportBody({ ...EMPTY_REPORT, class_key: 'P-01001', text: ' 占道 ' }, photos, about)
    expect(body).toMatchObject({ class: 'P-01001', catalogue: 3, text: '占道', fixed_on_spot: false, shift: null })
    expect(body.photos).toHaveLength(1) // the one after belongs to a case put right at once
    expect('condition' in body || 'measured' in body || 'pin' in body).toBe(false)
    const full = reportBody({ ...EMPTY_REPORT, fixed: true, condition: 2, measured: '30', pin: { lat: 31, lon: 121 } }, photos, about)
    expect(full).toMatchObject({ condition: 2, measured: 30, pin: { lat: 31, lon: 121, datum: 'wgs84' }, fixed_on_spot: true })
    expect(photosOf({ ...EMPTY_REPORT, fixed: true }, photos)).toHaveLength(2)
  })
})

describe('a step', () => {
  const fields = (change: Partial<StepFields> = {}): StepFields => ({ reason: '', text: '', amount: '', until: '', ...change })

  it.each([
    ['return', { text: '不归我管' }, 0, false],
    ['return', { text: '不归我管', reason: 'not_ours' }, 0, true],
    ['return', { text: '无', reason: 'not_ours' }, 0, false],
    ['resolve', {}, 0, false],
    ['resolve', {}, 1, true],
    ['verify_pass', {}, 0, true],
    ['verify_fail', {}, 1, false],
    ['verify_fail', { text: '还在' }, 0, true],
    ['ask_hold', { text: '等配件' }, 0, false],
    ['ask_hold', { text: '等配件', until: '2026-11-25T01:00:00Z' }, 0, true],
    ['ask_extension', { text: '等配件', amount: '0.4' }, 0, false],
    ['ask_extension', { text: '等配件', amount: '200.5' }, 0, false],
    ['ask_extension', { text: '等配件', amount: '4' }, 0, true],
    ['dispatch', { text: '派单' }, 0, false], // not of this phone
  ] as const)('%s %o with %i photos may be sent: %s', (step, change, photos, ready) => {
    expect(stepReady(step, fields(change), photos)).toBe(ready)
  })

  it('becomes the entry that the server reads', () => {
    const near = { shift: 's', fix: null }
    expect(stepBody('resolve', 'c', fields(), [{ sha256: 'a' }], near)).toEqual({ case: 'c', text: '', shift: 's', fix: null, photos: [{ sha256: 'a' }] })
    expect(stepBody('verify_fail', 'c', fields({ text: ' 还在 ' }), [], near)).toMatchObject({ passed: false, text: '还在' })
    expect(stepBody('ask_extension', 'c', fields({ amount: '4', text: 'x' }), [], near)).toEqual({ case: 'c', text: 'x', amount: 4 })
    expect(stepBody('resume', 'c', fields(), [], near)).toEqual({ case: 'c', text: '' })
  })

  it('offers mornings on the street, whatever the phone says of time zones', () => {
    const moments = dayTimes(new Date('2026-11-24T17:00:00Z')) // the 25th, one o'clock
    expect(moments[0]).toMatchObject({ at: '2026-11-26T01:00:00.000Z', values: { days: 1, month: 11, day: 26 } })
  })
})
