/**
 * Finding a class of problem among all of them, by Chinese, full pinyin, initials or code. Pure, and quick
 * enough for every key press.
 */

/** What of a class the search looks at. */
export interface Searchable {
  key: string
  name: string
  name_en: string
  pinyin: string // without tones and spaces
  initials: string
  minor?: string
  major?: string
}

const SPACE = /[\s'’·.,，、()（）-]+/g

/** Letters and digits in lower case, without what people leave out. */
function plain(text: string): string {
  return text.toLowerCase().replace(SPACE, '')
}

/** How well *entry* answers *asked* (plain text): smaller is better, null is not at all. */
function rank(entry: Searchable, asked: string): number | null {
  const name = plain(entry.name)
  const code = entry.key.replace(/^[PM]-/, '')
  const english = entry.name_en.toLowerCase()
  const tests: readonly (() => boolean)[] = [
    () => name === asked || code === asked || plain(entry.key) === asked,
    () => name.startsWith(asked),
    () => entry.initials.startsWith(asked),
    () => entry.pinyin.startsWith(asked),
    () => name.includes(asked),
    () => code.startsWith(asked),
    () => asked.length > 1 && entry.pinyin.includes(asked),
    () => entry.initials.includes(asked),
    () => english.split(/[^a-z0-9]+/).some((word) => word.startsWith(asked)),
    () => plain(english).includes(asked),
    () => plain(entry.minor ?? '').includes(asked),
    () => inOrder(name, asked),
  ]
  const found = tests.findIndex((test) => test())
  return found === -1 ? null : found
}

/** True where all characters of *asked* stand in *text* in this order; for Chinese of two and more only. */
function inOrder(text: string, asked: string): boolean {
  if (asked.length < 2 || !/^[\u4e00-\u9fff]+$/.test(asked)) return false
  let at = 0
  for (const character of text) if (character === asked[at]) at += 1
  return at === asked.length
}

/** The classes that answer *query*, the best first; all in their order where nothing is asked. */
export function searchClasses<C extends Searchable>(classes: readonly C[], query: string): C[] {
  const asked = plain(query)
  if (asked === '') return [...classes]
  return classes
    .map((entry, index) => ({ entry, index, rank: rank(entry, asked) }))
    .filter((row): row is { entry: C; index: number; rank: number } => row.rank !== null)
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .map((row) => row.entry)
}

/** Classes by their group, in the order in which the groups come first. */
export function grouped<C extends { major?: string }>(classes: readonly C[]): [major: string, classes: C[]][] {
  const groups = new Map<string, C[]>()
  for (const entry of classes) {
    const major = entry.major ?? ''
    groups.set(major, [...(groups.get(major) ?? []), entry])
  }
  return [...groups]
}

const RECENT = 8

/** The keys of the classes last used, with *key* in front. */
export function used(recent: readonly string[], key: string): string[] {
  return [key, ...recent.filter((other) => other !== key)].slice(0, RECENT)
}

/** How a measured value stands to the condition that it was measured for. */
export type Measured = 'none' | 'meets' | 'below'

/** A condition, with a threshold where something is measured (`comparison` > or >=, else any). */
export interface Threshold {
  comparison: string
  threshold: number | null
}

/** Whether *value* meets *condition*; `none` where there is nothing to compare. */
export function judge(condition: Threshold | null, value: number | null): Measured {
  if (!condition || condition.comparison === 'any' || condition.threshold === null || value === null) return 'none'
  const met = condition.comparison === '>=' ? value >= condition.threshold : value > condition.threshold
  return met ? 'meets' : 'below'
}
