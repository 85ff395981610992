/** Starting and ending a shift, and the end of a forgotten one. */
import { watch } from 'vue'

import { readKept } from '@/core/db'
import { localActs, merge, shiftEndsAt } from '@/core/feed'
import { uuid7 } from '@/core/ids'
import { exclusive } from '@/core/locks'
import type { Post } from '@/core/types'

import { now } from './clock'
import { closeTrack, position } from './gps'
import { say, sayError } from './notice'
import { person, seen, write } from './store'
import { t } from './words'

const FIELD_ROLES = ['patroller', 'handler', 'supervisor']

/** The places where the person may be on duty, each once. */
export function dutyPlaces(posts: readonly Post[]): Post[] {
  const field = posts.filter((post) => FIELD_ROLES.includes(post.role))
  return field.filter((post, index) => field.findIndex((other) => other.place_code === post.place_code) === index)
}

/** Start a shift; its id is the entry's id, made when the button was shown. */
export async function startShift(id: string, place: string | null): Promise<void> {
  await write({ id, kind: 'shift_started', body: { ...(place ? { place } : {}), fix: position.value } })
  void navigator.storage?.persist?.() // a hint to the browser; nothing relies on it
}

/** End the shift of the person, unless another tab did so meanwhile. */
export async function endShift(automatic = false): Promise<void> {
  await exclusive('ironfeet-duty', async () => {
    const user = person.value
    if (!user) return
    const rows = await readKept(user.id)
    const { shift } = merge(rows.feed?.feed ?? null, localActs(rows))
    if (!shift) return
    await closeTrack()
    await write({ id: uuid7(), kind: 'shift_ended', body: { shift: shift.id, ...(automatic ? { automatic } : {}) } })
  })
}

/** End a shift that has lasted its hours; called once, looks every few seconds. */
export function endForgottenShifts(): void {
  watch([now, seen], () => {
    const { shift, shift_max_hours } = seen.value
    if (!shift || now.value < shiftEndsAt(shift, shift_max_hours)) return
    endShift(true)
      .then(() => say(t('duty.ended_by_itself', { hours: shift_max_hours })))
      .catch(sayError)
  })
}
