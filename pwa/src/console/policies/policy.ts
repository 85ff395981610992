/** A policy's document as the console reads it: its chains of rules, and what is in a text that was edited. Pure. */
export interface Limit {
  amount: number
  unit: string
}

export interface Rule {
  mode: string
  trigger: string
  nth: number
  tell: string[]
  urgent: boolean | null
  replace: string | null
  raise_to: string | null
  again_after: Limit | null
  /** How many occurrences it answers; null: all that follow. */
  max_times: number | null
  last_resort: boolean
}

/** The rules for one trigger in one mode, in the order of its occurrences. */
export interface Chain {
  mode: string
  trigger: string
  rules: Rule[]
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** A limit out of a document; null where there is none. */
export function readLimit(value: unknown): Limit | null {
  if (typeof value !== 'object' || value === null) return null
  const { amount, unit } = value as Record<string, unknown>
  return typeof amount === 'number' && typeof unit === 'string' ? { amount, unit } : null
}

function readRule(value: unknown): Rule[] {
  if (typeof value !== 'object' || value === null) return []
  const { mode, trigger, nth, tell, urgent, replace, raise_to, again_after, max_times, last_resort } = value as Record<string, unknown>
  if (typeof mode !== 'string' || typeof trigger !== 'string') return []
  return [
    {
      mode,
      trigger,
      nth: typeof nth === 'number' ? nth : 1,
      tell: Array.isArray(tell) ? tell.filter((one): one is string => typeof one === 'string') : [],
      urgent: typeof urgent === 'boolean' ? urgent : null,
      replace: text(replace),
      raise_to: text(raise_to),
      again_after: readLimit(again_after),
      max_times: max_times === null ? null : typeof max_times === 'number' ? max_times : 1,
      last_resort: last_resort === true,
    },
  ]
}

/** The chains of a document, mode by mode, triggers in the order in which they come first. */
export function chainsOf(document: Record<string, unknown>): Chain[] {
  const rules = Array.isArray(document['rules']) ? document['rules'].flatMap(readRule) : []
  const chains = new Map<string, Chain>()
  for (const rule of rules) {
    const key = `${rule.mode} ${rule.trigger}`
    const chain = chains.get(key) ?? { mode: rule.mode, trigger: rule.trigger, rules: [] }
    chain.rules.push(rule)
    chains.set(key, chain)
  }
  for (const chain of chains.values()) chain.rules.sort((a, b) => a.nth - b.nth)
  return [...chains.values()]
}

/** The JSON object of an edited text; null where it is none. */
export function readDocument(edited: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(edited)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null
  } catch {
    return null // somebody is in the middle of typing
  }
}

/** The order in which people read the members; the database keeps none. */
const ORDER = [
  ...['schema', 'name', 'name_en', 'number_prefix', 'warn_at', 'verify_limit', 'note_cadence'],
  ...['returns_final_after', 'many_reports', 'rules'],
  ...['mode', 'trigger', 'nth', 'max_times', 'tell', 'urgent', 'replace', 'raise_to', 'again_after', 'last_resort'],
]

const orderedRule = (rule: unknown): unknown =>
  typeof rule === 'object' && rule !== null ? Object.fromEntries(ordered(rule as Record<string, unknown>)) : rule

function ordered(object: Record<string, unknown>): [string, unknown][] {
  const place = (name: string): number => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length)
  return Object.entries(object).sort(([a], [b]) => place(a) - place(b))
}

/** A document as people edit it: one rule a line. */
export function writeDocument(document: Record<string, unknown>): string {
  const lines = ordered(document).map(([name, value]) => {
    if (name !== 'rules' || !Array.isArray(value)) return `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`
    return `  "rules": [\n${value.map((rule) => `    ${JSON.stringify(orderedRule(rule))}`).join(',\n')}\n  ]`
  })
  return `{\n${lines.join(',\n')}\n}\n`
}
