/** One short message, above the bar at the bottom of the screen. */
import { ref } from 'vue'

import { isFull } from '@/core/db'
import { errorWords } from '@/ui/common'

import { t } from './words'

export interface Notice {
  text: string
  kind: 'good' | 'danger'
}

const SHOWN_MS = 6_000

export const notice = ref<Notice | null>(null)

let timer: ReturnType<typeof setTimeout> | undefined

export function say(text: string, kind: Notice['kind'] = 'good'): void {
  notice.value = { text, kind }
  clearTimeout(timer)
  timer = setTimeout(() => {
    notice.value = null
  }, SHOWN_MS)
}

/** Say what went wrong. A full device has words of its own, because the person can do something. */
export function sayError(error: unknown): void {
  say(isFull(error) ? t('error.full') : errorWords(error), 'danger')
}
