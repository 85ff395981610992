/** Keeps the screen on while a round runs: with the screen off a browser records no positions. */
import { computed, ref, watch } from 'vue'

import { remember, remembered } from '@/ui/language'

import { seen } from './store'

export type WakeState = 'not_needed' | 'held' | 'refused' | 'unsupported'

export const wakeState = ref<WakeState>('not_needed')

const walking = computed(() => seen.value.shift !== null && seen.value.rounds.some((round) => round.state === 'started'))

const NOTE_KEY = 'ironfeet.wake-note'

/** The round for which the person has read that the screen goes dark. */
const noteRead = ref(remembered(NOTE_KEY))

/** True where the screen cannot be kept on and the person walking *round* has not yet read so. */
export function needsWakeNote(round: string): boolean {
  return (wakeState.value === 'unsupported' || wakeState.value === 'refused') && noteRead.value !== round
}

export function dismissWakeNote(round: string): void {
  noteRead.value = round
  remember(NOTE_KEY, round)
}

let lock: WakeLockSentinel | null = null

async function adjust(): Promise<void> {
  if (!walking.value) {
    await lock?.release()
    lock = null
    wakeState.value = 'not_needed'
    return
  }
  if (!('wakeLock' in navigator)) {
    wakeState.value = 'unsupported'
    return
  }
  if (document.visibilityState !== 'visible' || (lock && !lock.released)) return
  try {
    lock = await navigator.wakeLock.request('screen')
    wakeState.value = 'held'
  } catch {
    wakeState.value = 'refused' // battery saver, mostly; the round page says what to do
  }
}

/** Begin to hold the screen on whenever a round runs; called once. */
export function keepAwake(): void {
  watch(walking, () => void adjust(), { immediate: true })
  document.addEventListener('visibilitychange', () => void adjust()) // the browser lets go when hidden
}
