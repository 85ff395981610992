// A class is found by whatever the person has in mind: Chinese, pinyin, initials, code, English.
import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { grouped, judge, searchClasses, used } from '@/core/picker'

const CLASSES = [
  { key: 'M-09005', name: '跨门营业', name_en: 'Trading beyond the shop front', pinyin: 'kuamenyingye', initials: 'kmyy', major: '街面秩序' },
  { key: 'M-09001', name: '无照经营游商', name_en: 'Unlicensed hawker', pinyin: 'wuzhaojingyingyoushang', initials: 'wzjyys', major: '街面秩序' },
  { key: 'M-06001', name: '私搭乱建', name_en: 'Illegal building', pinyin: 'sidaluanjian', initials: 'sdlj', major: '市容环境' },
  { key: 'P-01001', name: '供水井盖缺损', name_en: 'Water-supply manhole cover fault', pinyin: 'gongshuijinggaiquesun', initials: 'gsjgqs', major: '市政公用设施' },
  { key: 'M-95001', name: '道路积水', name_en: 'Standing water on road', pinyin: 'daolujishui', initials: 'dljs', major: '突发事件' },
]
const found = (query: string) => searchClasses(CLASSES, query).map((entry) => entry.key)

describe('searching', () => {
  it.each([
    ['跨门', ['M-09005']],
    ['营', ['M-09005', 'M-09001']],
    ['kmyy', ['M-09005']],
    ['KuaMen', ['M-09005']],
    ['kua men', ['M-09005']],
    ['menying', ['M-09005']],
    ['jinggai', ['P-01001']],
    ['09005', ['M-09005']],
    ['m-09005', ['M-09005']],
    ['井盖', ['P-01001']],
    ['供水缺损', ['P-01001']], // words left out in the middle
    ['manhole', ['P-01001']],
    ['shui', ['M-95001', 'P-01001']],
    ['积水', ['M-95001']],
    ['飞碟', []],
    ['   ', CLASSES.map((entry) => entry.key)],
  ])('%s', (query, keys) => {
    expect(new Set(found(query))).toEqual(new Set(keys))
  })

  it('puts what begins so before what only contains it', () => {
    expect(found('jing')[0]).not.toBe('M-09005')
    expect(found('wzjy')).toEqual(['M-09001'])
    expect(found('09')[0]).toBe('M-09005')
  })

  it('answers a key press at once among all classes', () => {
    const rows = readFileSync(new URL('../../../data/categories.csv', import.meta.url), 'utf8').trim().split('\n').slice(1)
    expect(rows.length).toBe(178)
    const all = rows.map((row) => {
      const cells = row.split(',')
      return { key: `M-${cells[0] ?? ''}`, name: cells[4] ?? '', name_en: cells[5] ?? '', pinyin: 'daolujishuixiachen', initials: 'dljsxc' }
    })
    const started = performance.now()
    for (let index = 0; index < 100; index += 1) searchClasses(all, '路面积')
    expect((performance.now() - started) / 100).toBeLessThan(8) // milliseconds
  })
})

it('groups classes in the order of their groups', () => {
  expect(grouped(CLASSES).map(([major, rows]) => [major, rows.length])).toEqual([
    ['街面秩序', 2],
    ['市容环境', 1],
    ['市政公用设施', 1],
    ['突发事件', 1],
  ])
})

it('remembers the last eight, the newest first, each once', () => {
  const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'a'].reduce<string[]>(used, [])
  expect(keys).toEqual(['a', 'i', 'h', 'g', 'f', 'e', 'd', 'c'])
})

it('says whether a measured value meets the condition', () => {
  const over = (comparison: string, threshold: number | null) => ({ comparison, threshold })
  expect(judge(over('>', 25), 25)).toBe('below')
  expect(judge(over('>', 25), 25.1)).toBe('meets')
  expect(judge(over('>=', 25), 25)).toBe('meets')
  expect(judge(over('any', null), 3)).toBe('none')
  expect(judge(over('>', 25), null)).toBe('none')
  expect(judge(null, 3)).toBe('none')
})
