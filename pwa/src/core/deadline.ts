/** Deadlines as they stand now, and their arithmetic in words. Pure. */

/** What of a case decides which deadline counts. */
export interface Due {
  state: string
  due_at: string | null
  acknowledge_due_at: string | null
}

/** How a deadline stands: `ms` is how much is left, or by how much it has passed. */
export type Standing =
  | { kind: 'left' | 'overdue'; what: 'accept' | 'resolve'; ms: number }
  | { kind: 'held' } // the clock stands still
  | { kind: 'none' }

const DONE = ['resolved', 'verified', 'closed', 'void', 'duplicate']

/** The deadline that counts now: that for accepting while nobody has; null where the work is done. */
export function dueOf(due: Due, now: number): Standing | null {
  if (DONE.includes(due.state)) return null
  if (due.state === 'on_hold') return { kind: 'held' }
  const what = due.state === 'dispatched' && due.acknowledge_due_at !== null ? 'accept' : 'resolve'
  const at = what === 'accept' ? due.acknowledge_due_at : due.due_at
  if (at === null) return { kind: 'none' }
  const left = Date.parse(at) - now
  return { kind: left >= 0 ? 'left' : 'overdue', what, ms: Math.abs(left) }
}
