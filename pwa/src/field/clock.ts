/** The time as the screen shows it: ticks so that "5 minutes ago" and deadlines stay true. */
import { ref } from 'vue'

export const TICK_MS = 5_000

/** Milliseconds of this phone's clock. */
export const now = ref(Date.now())

setInterval(() => {
  now.value = Date.now()
}, TICK_MS)

document.addEventListener('visibilitychange', () => {
  now.value = Date.now()
})
