/** A position for a check-in: the best that comes within fifteen seconds, or none. */
import { onBeforeUnmount, ref, shallowRef, watch } from 'vue'

import type { Fix } from '@/core/proof'

import { position } from './gps'
import { usable } from './gpsState'

export const WAIT_S = 15
const RECENT_MS = 10_000

/** Follows the position while a check-in form is open. */
export function useFix(good: (fix: Fix) => boolean) {
  const fix = shallowRef<Fix | null>(null)
  const waiting = ref(true)
  const secondsLeft = ref(WAIT_S)

  function consider(candidate: Fix | null): void {
    if (!candidate || !usable(candidate, Date.now())) return
    const isNewer = !fix.value || Date.parse(candidate.at) >= Date.parse(fix.value.at)
    if (isNewer) fix.value = candidate
    if (Date.now() - Date.parse(candidate.at) <= RECENT_MS && good(candidate)) waiting.value = false
  }

  watch(position, consider, { immediate: true })
  const timer = setInterval(() => {
    secondsLeft.value -= 1
    if (secondsLeft.value <= 0) {
      waiting.value = false
      clearInterval(timer)
    }
  }, 1000)
  onBeforeUnmount(() => clearInterval(timer))

  /** The position to write down now: null where the last one is too old to mean anything. */
  const take = (): Fix | null => usable(fix.value, Date.now())
  return { fix, waiting, secondsLeft, take }
}
