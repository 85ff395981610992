/**
 * What the field app knows: a copy of what IndexedDB holds for the person signed in. Everything done goes
 * through `write`; nothing on screen is true before it is in the log.
 */
import { computed, ref, shallowRef, watch } from 'vue'

import { mergeCases, type SeenCases } from '@/core/cases'
import { readKept, readMeta, writeMeta, type Kept } from '@/core/db'
import { keepFeed, kindCounts, localActs, merge, readRefusedKey, type Seen } from '@/core/feed'
import { ApiProblem, Unreachable } from '@/core/http'
import { append, openLog, type Appended, type Draft } from '@/core/log'
import { isUnsent, sendPhotos, submitDraft, sweepPhotos, type PhotoServer } from '@/core/photos'
import { Pump, type PumpState } from '@/core/pump'
import { flush, type Flushed, type Server } from '@/core/sync'
import type { User } from '@/core/types'
import { api, session } from '@/ui/session'

import { sayError } from './notice'

export const kept = shallowRef<Kept | null>(null)
export const pumpState = ref<PumpState>({ busy: false, failures: 0, problem: null })
export const photoPumpState = ref<PumpState>({ busy: false, failures: 0, problem: null })
export const online = ref(navigator.onLine)
export const readRefused = ref<string[]>([])
export const readDecisions = ref<string[]>([])

/** The person whose log is open. */
export const person = shallowRef<User | null>(null)

export const seen = computed<Seen>(() =>
  merge(kept.value?.feed?.feed ?? null, kept.value ? localActs(kept.value) : []),
)

/** Cases, with what this phone has done to them since. */
export const seenCases = computed<SeenCases>(() =>
  mergeCases(kept.value?.feed?.feed.cases ?? null, kept.value ? localActs(kept.value) : []),
)

export const unsent = computed(() => kept.value?.entries.length ?? 0)
/** Photos of what was sent, or is about to be, that the server does not hold yet. */
export const unsentPhotos = computed(() => (kept.value?.photos ?? []).filter(isUnsent).length)
/** Photos that the server refused for good; kept until the person has read so. */
export const badPhotos = computed(() => (kept.value?.photos ?? []).filter((row) => row.submitted && row.problem !== null))
/** What is unsent, by kind. */
export const unsentKinds = computed(() => kindCounts(kept.value?.entries ?? []))
export const lastSync = computed(() => kept.value?.log?.last_sync_at ?? null)

/** Refused entries that the person has not put aside: this phone's, and those the server remembers. */
export const refused = computed(() => {
  const here = kept.value?.attention ?? []
  const known = new Set([...here.map((row) => row.id), ...readRefused.value])
  const there = seen.value.refused.filter((row) => !known.has(row.id))
  return [
    ...here.map((row) => ({ id: row.id, kind: row.kind, problem: row.problem, detail: row.detail, at: row.at })),
    ...there.map((row) => ({ id: row.id, kind: row.kind, problem: row.problem, detail: row.detail, at: row.received_at })),
  ].sort((a, b) => b.at.localeCompare(a.at))
})

/** Decisions with something new in them. */
export const newDecisions = computed(() =>
  seen.value.decisions.filter((decision) => !readDecisions.value.includes(decisionKey(decision))),
)

export function decisionKey(decision: { proof_id: string; reviews: unknown[] }): string {
  return `${decision.proof_id}:${decision.reviews.length}`
}

const server: Server = {
  register: (log, body) => api.put(`/logs/${log}`, body),
  sync: (request) => api.post('/sync', request, 60_000),
}

const photoServer: PhotoServer = {
  state: (sha256) => api.get(`/photos/${sha256}/upload`),
  put: (sha256, { bytes, first, total, type }) =>
    api.sendBytes(`/photos/${sha256}`, bytes, {
      'Content-Type': type,
      'Content-Range': `bytes ${first}-${first + bytes.byteLength - 1}/${total}`,
    }),
}

const tabs = new BroadcastChannel('ironfeet-data')
tabs.onmessage = () => void reload()

const FEED_FRESH_MS = 45_000
const LIST_FRESH_MS = 5_000
let pump: Pump | null = null
/** Photos have a pump of their own: large and slow, they must not hold up the log, nor the log them. */
let photoPump: Pump | null = null
let feedAskedAt = 0

/** Open the log of *user*: show what is kept, send what is unsent, ask what is new. */
export async function openFor(user: User): Promise<void> {
  if (person.value?.id === user.id) {
    person.value = user
    kick()
    return
  }
  closeStore()
  person.value = user
  if (!user.verbs.includes('log.sync')) return // no field post: no log, nothing to send
  await finishForms(user.id)
  await reload()
  if (person.value?.id !== user.id) return // closed, or somebody else's by now
  pump = new Pump({
    flush: () => flushFor(user),
    changed: (state) => {
      pumpState.value = state
    },
    drained: (sent) => void afterFlush(sent),
    crashed: sayError,
  })
  photoPump = new Pump({
    flush: () => sendPhotosFor(user),
    changed: (state) => {
      photoPumpState.value = state
    },
    drained: (sent) => void afterPhotos(user.id, sent),
    crashed: sayError,
  })
  kick()
  await refreshFeed()
}

/** Forms that became entries just before the page was killed: their photos are to be sent. */
async function finishForms(user: string): Promise<void> {
  const log = await openLog(user)
  const { drafts } = await readKept(user)
  for (const draft of drafts) if (log.recent_ids.includes(draft.id)) await submitDraft(user, draft.id)
  await sweepPhotos(user)
}

function kick(): void {
  photoPump?.kick()
  pump?.kick()
}

/** Forget what is on screen. Nothing on the device is touched. */
export function closeStore(): void {
  pump?.stop()
  photoPump?.stop()
  pump = photoPump = null
  person.value = null
  kept.value = null
  feedAskedAt = 0
}

async function flushFor(user: User): Promise<Flushed> {
  // The log may be sent only with its own person's token
  if (session.user?.id !== user.id || session.state.kind === 'switched') return { outcome: 'busy' }
  return flush(user.id, server, deviceLabel())
}

async function sendPhotosFor(user: User): Promise<Flushed> {
  if (session.user?.id !== user.id || session.state.kind === 'switched') return { outcome: 'busy' }
  return sendPhotos(user.id, photoServer, () => void changed())
}

async function afterPhotos(user: string, sent: number): Promise<void> {
  if (sent === 0) return
  await sweepPhotos(user)
  await changed()
}

async function afterFlush(sent: number): Promise<void> {
  if (sent > 0) await changed()
  if (sent > 0 || Date.now() - feedAskedAt > FEED_FRESH_MS) await refreshFeed()
}

/** Read again what is kept, here and in the other tabs. */
async function changed(): Promise<void> {
  tabs.postMessage('changed')
  await reload()
}

export async function reload(): Promise<void> {
  const user = person.value
  if (!user) return
  const [rows, refusedIds, decisionKeys] = await Promise.all([
    readKept(user.id),
    readMeta<string[]>(readRefusedKey(user.id)),
    readMeta<string[]>(`read_decisions:${user.id}`),
  ])
  if (person.value?.id !== user.id) return
  readRefused.value = refusedIds ?? []
  readDecisions.value = decisionKeys ?? []
  kept.value = rows
}

/** Write *draft* into the log and start sending. True where it was new. */
export async function write(draft: Draft): Promise<boolean> {
  const user = person.value
  if (!user) throw new Error('nobody is signed in')
  const result: Appended = await append(user.id, draft)
  await changed()
  kick()
  void askForBackgroundSync()
  return result === 'appended'
}

/** Write a form into the log: its entry first, so that no crash in between loses it; then its photos go. */
export async function writeForm(draft: Draft): Promise<void> {
  const user = person.value
  if (!user) throw new Error('nobody is signed in')
  await append(user.id, draft)
  await submitDraft(user.id, draft.id)
  await changed()
  kick()
  void askForBackgroundSync()
}

/** Something was written elsewhere (the track): show and send it. */
export function wroteElsewhere(): void {
  void changed()
  pump?.kick()
}

/** Send now; used by a button, so it also says what stands in the way. */
export async function sendNow(): Promise<void> {
  await Promise.all([pump?.run(), photoPump?.run()])
  await refreshFeed()
}

/** Ask the server what is new; without network the kept answer stays. */
export async function refreshFeed(): Promise<void> {
  const user = person.value
  if (!user?.verbs.includes('log.sync') || session.state.kind === 'switched' || session.state.kind === 'signed_out') return
  const askedAt = Date.now()
  try {
    const feed = await api.get('/field/feed')
    if (feed.user_id !== user.id) return
    feedAskedAt = askedAt
    await keepFeed(user.id, feed, askedAt)
    await sweepPhotos(user.id)
    await changed()
  } catch (error) {
    if (error instanceof Unreachable) return
    if (error instanceof ApiProblem && error.status === 401) return // the session shows it
    sayError(error)
  }
}

/** A list is opened: what is on it should be of now. */
export function freshen(): void {
  if (online.value && Date.now() - feedAskedAt > LIST_FRESH_MS) void refreshFeed()
}

export async function markDecisionsRead(): Promise<void> {
  const user = person.value
  if (!user) return
  const keys = seen.value.decisions.map(decisionKey)
  if (keys.every((key) => readDecisions.value.includes(key))) return
  readDecisions.value = keys
  await writeMeta(`read_decisions:${user.id}`, keys)
}

/** What the device calls itself in the list of logs. */
export function deviceLabel(): string {
  const agent = navigator.userAgent
  const system = /Android|iPhone|iPad|Windows|Macintosh|Linux/.exec(agent)?.[0] ?? ''
  const browser = /MicroMessenger|HuaweiBrowser|MiuiBrowser|Edg|Firefox|Chrome|Safari/.exec(agent)?.[0] ?? ''
  return `${system} ${browser}`.trim()
}

interface SyncRegistration {
  sync?: { register(tag: string): Promise<void> }
}

/** Where the browser can wake us when the network is back, let it; nothing depends on it. */
async function askForBackgroundSync(): Promise<void> {
  if (online.value || !('serviceWorker' in navigator)) return
  const registration = (await navigator.serviceWorker.ready) as ServiceWorkerRegistration & SyncRegistration
  await registration.sync?.register('flush').catch(() => undefined) // refused by the browser's settings
}

function awake(): void {
  online.value = navigator.onLine
  if (document.visibilityState !== 'visible') return
  kick()
  if (Date.now() - feedAskedAt > FEED_FRESH_MS) void refreshFeed()
}

addEventListener('online', awake)
addEventListener('offline', awake)
document.addEventListener('visibilitychange', awake)
navigator.serviceWorker?.addEventListener('message', (event: MessageEvent) => {
  if (event.data === 'flush') awake()
  if (event.data === 'told') void refreshFeed() // a push has come: what it is about is on the server
})

watch(online, (is) => {
  if (is) kick()
})

// What others do must show without a touch: somebody waiting for a case looks at the screen
setInterval(() => {
  if (document.visibilityState === 'visible' && online.value && Date.now() - feedAskedAt > FEED_FRESH_MS) void refreshFeed()
}, FEED_FRESH_MS)
