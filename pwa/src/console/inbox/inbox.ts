/** What the signed-in person was told: unread first on the bell; kept fresh beside the live line. */
import { computed, ref, shallowRef } from 'vue'

import type { Answer } from '@/core/contract'
import { language } from '@/ui/language'
import { api } from '@/ui/session'

import { atMostEvery } from '../live'
import { onChange } from '../liveNow'

export type Notice = Answer<'get', '/notifications'>['items'][number]

const LENGTH = 30
const LOOK_EVERY_MS = 60_000
/** A busy street is no reason to ask at every event. */
const AFTER_NEWS_MS = 4_000

export const notices = shallowRef<readonly Notice[]>([])
export const unread = ref(0)
export const inboxError = shallowRef<unknown>(null)

/** Still to be read: neither acknowledged nor over. */
export const isUnread = (one: Notice): boolean => one.acknowledged_at === null && !one.withdrawn

/** Unread ones about `subject`. */
const about = (subject: string): string[] =>
  notices.value.filter((one) => one.subject_id === subject && isUnread(one)).map((one) => one.id)

let turn = 0

/** Reads the newest ones; an error stands on the bell's list and nowhere else. */
export async function readInbox(): Promise<void> {
  turn += 1
  const mine = turn
  try {
    const answer = await api.get('/notifications', { limit: LENGTH, lang: language.value })
    if (mine !== turn) return
    notices.value = answer.items
    unread.value = answer.unread
    inboxError.value = null
  } catch (problem) {
    if (mine === turn) inboxError.value = problem
  }
}

/** Says that these were on the screen, so that nobody is rung up for what they have before their eyes. */
export async function shown(): Promise<void> {
  const ids = notices.value.filter((one) => one.shown_at === null && isUnread(one)).map((one) => one.id)
  if (ids.length > 0) await api.post('/notifications/shown', { ids })
}

/** Says that they were read. */
export async function acknowledge(ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  const answer = await api.post('/notifications/acks', { ids: [...ids] })
  unread.value = answer.unread
  await readInbox()
}

/** Whoever reads the case has read what they were told about it. */
export async function readCase(caseId: string): Promise<void> {
  await acknowledge(about(caseId))
}

/** Looks by itself until the returned function is called. */
export function followInbox(): () => void {
  void readInbox()
  const looking = setInterval(() => void readInbox(), LOOK_EVERY_MS)
  const stop = onChange(atMostEvery(AFTER_NEWS_MS, () => void readInbox()))
  return () => {
    clearInterval(looking)
    stop()
  }
}

export const unreadIds = computed(() => notices.value.filter(isUnread).map((one) => one.id))
