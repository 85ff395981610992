/** What one was told: read with the feed, kept for the time without network, acknowledged by looking. */
import { computed, ref, shallowRef, watch } from 'vue'

import type { Told } from '@/core/caseTypes'
import { readMeta, writeMeta } from '@/core/db'
import { ApiProblem, Unreachable } from '@/core/http'
import { language } from '@/ui/language'
import { api, session } from '@/ui/session'

import { say, sayError } from './notice'
import { kept, online, person, refreshFeed } from './store'

export const inbox = shallowRef<Told[] | null>(null)
export const nextCursor = ref<string | null>(null)
const unreadThere = ref<number | null>(null)

/** How many are unread, by whichever was asked last: the inbox or the feed. */
export const unread = computed(() => unreadThere.value ?? kept.value?.feed?.feed.cases?.unread ?? 0)

const LOOK_MS = 15_000
const keptKey = (user: string) => `inbox:${user}`

/** What the network or the session keeps from us is shown elsewhere; anything else is a fault. */
function expected(error: unknown): void {
  if (error instanceof Unreachable || (error instanceof ApiProblem && error.status === 401)) return
  sayError(error)
}

export async function loadInbox(): Promise<void> {
  const user = person.value
  if (!user) return
  inbox.value ??= await readMeta<Told[]>(keptKey(user.id))
  try {
    const page = await api.get('/notifications', { lang: language.value })
    if (person.value?.id !== user.id) return
    inbox.value = page.items
    nextCursor.value = page.next_cursor
    unreadThere.value = page.unread
    await writeMeta(keptKey(user.id), page.items)
  } catch (error) {
    expected(error)
  }
}

export async function loadMore(): Promise<void> {
  if (!nextCursor.value) return
  const page = await api.get('/notifications', { lang: language.value, cursor: nextCursor.value })
  inbox.value = [...(inbox.value ?? []), ...page.items]
  nextCursor.value = page.next_cursor
}

/** The person has seen these: nobody tells them by another way then. */
export async function acknowledge(ids: string[]): Promise<void> {
  if (ids.length === 0) return
  try {
    const { unread: left } = await api.post('/notifications/acks', { ids })
    unreadThere.value = left
  } catch (error) {
    return expected(error)
  }
  const now = new Date().toISOString()
  const seen = new Set(ids)
  inbox.value = (inbox.value ?? []).map((one) => (seen.has(one.id) ? { ...one, acknowledged_at: one.acknowledged_at ?? now } : one))
}

/** Say that these are on the screen: a next way of telling still comes, unless the person also opens them. */
async function markShown(ids: string[]): Promise<void> {
  if (ids.length > 0) await api.post('/notifications/shown', { ids: ids.slice(0, 200) }).catch(expected)
}

/** The inbox is on the screen. */
export async function showInbox(): Promise<void> {
  await loadInbox()
  await markShown((inbox.value ?? []).filter((one) => one.shown_at === null && one.acknowledged_at === null).map((one) => one.id))
}

/** Something new has come while the app is open: say the newest of it. */
async function announce(): Promise<void> {
  await loadInbox()
  const fresh = (inbox.value ?? []).filter((one) => one.shown_at === null && one.acknowledged_at === null)
  const newest = fresh[0]
  if (!newest || document.visibilityState !== 'visible') return
  say(newest.title)
  await markShown([newest.id])
}

/** The person looks at a case: what they were told about it is read. */
export async function acknowledgeCase(id: string): Promise<void> {
  await loadInbox()
  const about = (inbox.value ?? []).filter((one) => one.subject_id === id && one.acknowledged_at === null)
  await acknowledge(about.map((one) => one.id))
}

let newest = '' // the newest unread message that the feed on this phone is known to be younger than

/**
 * Whoever is given something is told of it. What the newest unread message is, is cheap to ask for; only where
 * it is another one than before the whole feed is. How many there are would not do: the inbox may know of one
 * more than the feed does, and reading one while another comes leaves their number as it was.
 */
async function look(): Promise<void> {
  const user = person.value
  if (!user?.verbs.includes('log.sync') || !online.value || document.visibilityState !== 'visible') return
  if (session.state.kind === 'switched' || session.state.kind === 'signed_out') return
  try {
    const { items } = await api.get('/notifications', { lang: language.value, limit: 1, unread_only: true })
    const there = items[0]?.id ?? ''
    if (person.value?.id !== user.id || there === '' || there === newest) return
    const before = kept.value?.feed?.fetched_at
    await refreshFeed()
    if (kept.value?.feed?.fetched_at !== before) newest = there
  } catch (error) {
    expected(error)
  }
}

/** Begin to follow the inbox; called once. */
export function followInbox(): void {
  setInterval(() => void look(), LOOK_MS)
  let before: number | null = null
  watch(
    () => person.value?.id,
    () => {
      inbox.value = null
      before = null
      unreadThere.value = nextCursor.value = null
      newest = ''
    },
  )
  watch(
    () => kept.value?.feed?.fetched_at,
    (fetched) => {
      unreadThere.value = null // the feed is newer
      const count = kept.value?.feed?.feed.cases?.unread ?? 0
      const more = before !== null && count > before
      before = fetched ? count : null
      if (more) announce().catch(sayError)
      else if (fetched && inbox.value) loadInbox().catch(sayError)
    },
  )
}
