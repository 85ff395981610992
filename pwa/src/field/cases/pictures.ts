/**
 * Pictures of cases: from this phone's own bytes, from what it kept before, or from the server. Small ones
 * of one's tasks are kept for the time without network, and forgotten with the sign-out.
 */
import { ref, watch, type Ref } from 'vue'

import type { FieldCase } from '@/core/caseTypes'
import { ApiProblem, Unreachable } from '@/core/http'
import { readPhotoBytes } from '@/core/photos'
import { api } from '@/ui/session'

import { kept, online, person } from '../store'

export type Size = 'small' | 'large'
export type PictureState = 'loading' | 'shown' | 'offline' | 'waiting' | 'unusable'

const CACHE = 'ironfeet-case-photos'
const MOST_KEPT = 80

/** A picture by its hash never changes, so it is kept under a name of its own. */
const keptName = (sha256: string, size: Size) => `/field/kept-photos/${sha256}-${size}`

async function keptPicture(sha256: string, size: Size): Promise<Blob | null> {
  if (!('caches' in globalThis)) return null
  const found = await (await caches.open(CACHE)).match(keptName(sha256, size))
  return found ? found.blob() : null
}

/** The picture; null where it has not arrived or cannot be shown yet. Throws Unreachable without network. */
async function fetchPicture(caseId: string, sha256: string, size: Size): Promise<Blob | null> {
  try {
    return await api.download(`/cases/${caseId}/photos/${sha256}`, { size }, 'image/*')
  } catch (error) {
    if (error instanceof ApiProblem) return null
    throw error
  }
}

/** An address for an `<img>`, and what can be said where there is none. The caller lets go of the address. */
export async function openPicture(caseId: string | null, sha256: string, size: Size): Promise<string | PictureState> {
  const own = person.value && (await readPhotoBytes(person.value.id, sha256))
  if (own) return URL.createObjectURL(new Blob([own]))
  if (!caseId) return 'waiting'
  const before = (await keptPicture(sha256, size)) ?? null
  if (before) return URL.createObjectURL(before)
  try {
    const fetched = await fetchPicture(caseId, sha256, size)
    if (fetched) return URL.createObjectURL(fetched)
    return 'waiting'
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    const smaller = size === 'large' ? await keptPicture(sha256, 'small') : null
    return smaller ? URL.createObjectURL(smaller) : 'offline'
  }
}

/** Follows a picture for a template. */
export function usePicture(of: () => { caseId: string | null; sha256: string; size: Size }): { address: Ref<string>; state: Ref<PictureState> } {
  const address = ref('')
  const state = ref<PictureState>('loading')
  watch(
    [of, online],
    async ([{ caseId, sha256, size }], _before, onCleanup) => {
      let gone = false
      let mine = ''
      onCleanup(() => {
        gone = true
        if (mine) URL.revokeObjectURL(mine)
      })
      const opened = await openPicture(caseId, sha256, size)
      if (opened.startsWith('blob:')) mine = opened
      if (gone) return void (mine && URL.revokeObjectURL(mine))
      address.value = mine
      state.value = mine ? 'shown' : (opened as PictureState)
    },
    { immediate: true },
  )
  return { address, state }
}

function wanted(): { caseId: string; sha256: string }[] {
  const cases = kept.value?.feed?.feed.cases
  if (!cases) return []
  const mine: FieldCase[] = [...cases.tasks, ...cases.to_verify]
  return mine
    .flatMap((one) => one.photos.filter((photo) => ['stored', 'ready'].includes(photo.state)).map(({ sha256 }) => ({ caseId: one.id, sha256 })))
    .slice(0, MOST_KEPT)
}

async function keepWanted(): Promise<void> {
  const cache = await caches.open(CACHE)
  const photos = wanted()
  const names = new Set(photos.map(({ sha256 }) => keptName(sha256, 'small')))
  for (const request of await cache.keys()) if (!names.has(new URL(request.url).pathname)) await cache.delete(request)
  for (const { caseId, sha256 } of photos) {
    const name = keptName(sha256, 'small')
    if (await cache.match(name)) continue
    const picture = await fetchPicture(caseId, sha256, 'small')
    if (picture) await cache.put(name, new Response(picture))
  }
}

let keeping: Promise<void> | null = null

/** Begin to keep the small pictures of one's tasks; called once. */
export function followPictures(): void {
  if (!('caches' in globalThis)) return
  watch(
    () => kept.value?.feed,
    () => {
      if (!kept.value) return
      // Without network they come with the next feed
      keeping ??= keepWanted()
        .catch((error: unknown) => {
          if (!(error instanceof Unreachable) && !(error instanceof ApiProblem)) throw error
        })
        .finally(() => {
          keeping = null
        })
    },
  )
}

/** Forget the kept pictures: somebody signed out. */
export async function forgetPictures(): Promise<void> {
  if ('caches' in globalThis) await caches.delete(CACHE)
}
