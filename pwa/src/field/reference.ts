/** What changes rarely: outlines and settings, kept for the time without network. */
import { readPublic } from '@/core/api'
import { readMeta, writeMeta } from '@/core/db'
import { ApiProblem, Unreachable } from '@/core/http'
import type { Settings } from '@/core/types'
import type { Outlines } from '@/map/types'
import { api } from '@/ui/session'

import { sayError } from './notice'

export const keptOutlines = () => readMeta<Outlines>('outlines')
export const keptSettings = () => readMeta<Settings>('settings')

/** The outlines as the server has them now, or null without network. */
export const fetchOutlines = () => fetched('outlines', () => api.get('/places/outlines'))

/** The settings as the server has them now, or null without network. */
export const fetchSettings = () => fetched('settings', () => readPublic('/settings'))

async function fetched<T>(key: string, ask: () => Promise<T>): Promise<T | null> {
  try {
    const answer = await ask()
    await writeMeta(key, answer)
    return answer
  } catch (error) {
    if (error instanceof ApiProblem) sayError(error)
    else if (!(error instanceof Unreachable)) throw error
    return null
  }
}

let fetchedOnce: Promise<unknown> | null = null

/** Fetch both in good time, so that the map works offline although it was never opened. */
export async function fetchReferenceOnce(): Promise<void> {
  fetchedOnce ??= Promise.all([fetchOutlines(), fetchSettings()])
  await fetchedOnce
}
