/** Who was told about a case and who was not reached. Pure. */

export interface Rung {
  channel: string
  state: string
  at: string | null
  error: string
}

export interface Reached {
  user_id: string
  /** Chinese and English. */
  name: readonly [string, string]
  kind: string
  told_at: string
  state: string
  rungs: Rung[]
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** The rows of the API, which are plain objects; what is not as agreed is left out. */
export function readReach(rows: readonly Record<string, unknown>[]): Reached[] {
  return rows.flatMap((row) => {
    const { user_id, kind, told_at, state, rungs, person } = row
    if (!isText(user_id) || !isText(kind) || !isText(told_at) || !isText(state)) return []
    return [{ user_id, name: readName(person), kind, told_at, state, rungs: Array.isArray(rungs) ? rungs.flatMap(readRung) : [] }]
  })
}

function readName(person: unknown): [string, string] {
  const { display_name, display_name_en } = (person ?? {}) as Record<string, unknown>
  return [isText(display_name) ? display_name : '?', isText(display_name_en) ? display_name_en : '']
}

function readRung(rung: unknown): Rung[] {
  if (typeof rung !== 'object' || rung === null) return []
  const { channel, state, at, error } = rung as Record<string, unknown>
  if (!isText(channel) || !isText(state)) return []
  return [{ channel, state, at: isText(at) ? at : null, error: isText(error) ? error : '' }]
}

/** What each person was told last, those who were not reached first, then the latest. */
export function latestOfEach(rows: readonly Reached[]): Reached[] {
  const latest = new Map<string, Reached>()
  for (const row of rows) {
    const before = latest.get(row.user_id)
    if (before === undefined || row.told_at >= before.told_at) latest.set(row.user_id, row)
  }
  const missed = (row: Reached): number => Number(row.state === 'not_reached')
  return [...latest.values()].sort((a, b) => missed(b) - missed(a) || b.told_at.localeCompare(a.told_at))
}
