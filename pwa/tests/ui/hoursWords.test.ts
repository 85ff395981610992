// Quiet hours as people say them.
import '../console/page'

import { expect, it } from 'vitest'

import { hoursWords, quietLengthWords } from '@/ui/common'

it('says where hours go over midnight, and that there are none', () => {
  expect(hoursWords({ from: '22:00', until: '07:00' })).toBe('22:00 到第二天 07:00')
  expect(hoursWords({ from: '12:00', until: '13:30' })).toBe('12:00 到 13:30')
  expect(hoursWords({ from: '00:00', until: '00:00' })).toBe('没有不打扰时段')
})

it('says how long they are without minutes that are none', () => {
  expect(quietLengthWords({ from: '22:00', until: '07:00' })).toBe('9 小时')
  expect(quietLengthWords({ from: '21:30', until: '08:00' })).toBe('10 小时 30 分')
  expect(quietLengthWords({ from: '12:00', until: '12:45' })).toBe('45 分钟')
})
