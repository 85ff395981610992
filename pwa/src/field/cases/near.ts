/** Live cases near a spot that may be what is about to be reported. */
import type { NearCase } from '@/core/caseTypes'
import { nearCases, type Near } from '@/core/cases'
import type { LatLon } from '@/core/geo'
import { ApiProblem, Unreachable } from '@/core/http'
import { api } from '@/ui/session'

import { online, seenCases } from '../store'

const ASK_WITHIN_MS = 4_000

/** Live cases that may be the same: from what the phone knows, and from the server where it answers soon. */
export async function alreadyReported(spot: LatLon & { acc?: number }, classKey: string): Promise<Near[]> {
  const known = new Map(seenCases.value.nearby.map((one) => [one.id, one]))
  if (online.value) for (const one of await askNear(spot, classKey)) known.set(one.id, one)
  return nearCases([...known.values()], spot, classKey).slice(0, 4)
}

async function askNear({ lat, lon }: LatLon, class_key: string): Promise<NearCase[]> {
  const late = new Promise<NearCase[]>((resolve) => setTimeout(() => resolve([]), ASK_WITHIN_MS))
  const asked = api.get('/cases/near', { lat, lon, class_key }).then((answer) => answer.items)
  try {
    return await Promise.race([asked, late])
  } catch (error) {
    if (error instanceof Unreachable || error instanceof ApiProblem) return [] // what the phone knows must do
    throw error
  }
}
