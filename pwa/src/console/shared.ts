/** What all pages of the console need: the street's places, people, checkpoints and settings, read once. */
import { computed, ref, shallowRef } from 'vue'

import { readPublic } from '@/core/api'
import type { Settings, Verb } from '@/core/types'
import type { Outlines } from '@/map/types'
import { named } from '@/ui/language'
import { api, sessionState } from '@/ui/session'

import type { BoardRound, OnDuty, Person, Place, PlacedCheckpoint, Staff } from './types'

export const settings = shallowRef<Settings | null>(null)
export const outlines = shallowRef<Outlines | null>(null)
export const places = shallowRef<ReadonlyMap<string, Place>>(new Map())
export const checkpoints = shallowRef<readonly PlacedCheckpoint[]>([])
export const staff = shallowRef<readonly Staff[]>([])
/** Who walks the rounds and keeps the shifts seen so far: events name only the round or the shift. */
const walkers = new Map<string, Person>()
/** The clock that "5 minutes ago" is told by; ticks twice a minute. */
export const now = ref(new Date())
setInterval(() => {
  now.value = new Date()
}, 30_000)

export const user = computed(() => ('user' in sessionState.value ? sessionState.value.user : null))

/** True where the signed-in person holds `verb` somewhere. */
export function may(verb: Verb): boolean {
  return user.value?.verbs.includes(verb) ?? false
}

/** Reads everything anew; throws what the API throws. */
export async function loadShared(): Promise<void> {
  const readStaff = may('staff.read')
  const [read, tree, shapes, points, people] = await Promise.all([
    readPublic('/settings'),
    api.get('/places'),
    api.get('/places/outlines'),
    api.get('/checkpoints'),
    readStaff ? api.get('/staff') : null,
  ])
  settings.value = read
  places.value = new Map(tree.items.map((place) => [place.code, place]))
  outlines.value = shapes
  checkpoints.value = points.items
  staff.value = people?.items ?? []
}

export const checkpointsById = computed(() => new Map(checkpoints.value.map((one) => [one.id, one])))
const staffById = computed(() => new Map(staff.value.map((one) => [one.id, one])))

/** The name of a place, or its code where it is not known here. */
export function placeName(code: string): string {
  const place = places.value.get(code)
  return place === undefined ? code : named(place.name, place.name_en)
}

/** The name of a person who may be known; null where not. */
export function personName(id: string | null): string | null {
  if (id === null) return null
  const person = staffById.value.get(id)
  if (person !== undefined) return named(person.display_name, person.display_name_en)
  return id === user.value?.id ? named(user.value.display_name, user.value.display_name_en) : null
}

/** The name of a checkpoint, or null where it is not known here. */
export function checkpointName(id: unknown): string | null {
  const found = typeof id === 'string' ? checkpointsById.value.get(id) : undefined
  return found === undefined ? null : named(found.name, found.name_en)
}

/** Remembers who is behind rounds and shifts, so that events about them can be told with a name. */
export function rememberWalkers(rounds: readonly BoardRound[], duty: readonly OnDuty[]): void {
  for (const round of rounds) walkers.set(round.id, round.assignee)
  for (const { shift_id, user_id, display_name, display_name_en } of duty) {
    walkers.set(shift_id, { id: user_id, display_name, display_name_en })
  }
}

/** The name of the person whose round or shift this is; null where it was never seen here. */
export function walkerName(roundOrShift: string): string | null {
  const person = walkers.get(roundOrShift)
  return person === undefined ? null : named(person.display_name, person.display_name_en)
}
