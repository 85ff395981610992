/**
 * Words in two languages. Each app has a pair of message files with the same keys; `{name}` in a message
 * is replaced by a value. `tests/messages.test.ts` proves that no key is missing, unequal or unused.
 */
import { ref, watch } from 'vue'

export type Language = 'zh' | 'en'
export type Values = Record<string, string | number>

const LANGUAGE_KEY = 'ironfeet.language'
const TEXT_SIZE_KEY = 'ironfeet.text-size'

/** What was kept in this browser under *key*. */
export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null // storage is forbidden in this browser: the choice lasts until the page closes
  }
}

/** Keep a choice of the person in this browser. */
export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // as above: nothing depends on it
  }
}

/** The language in use; Chinese unless chosen otherwise. */
export const language = ref<Language>(remembered(LANGUAGE_KEY) === 'en' ? 'en' : 'zh')

/** True where everything is shown a quarter larger. */
export const largeText = ref(remembered(TEXT_SIZE_KEY) === 'large')

watch(
  language,
  (value) => {
    remember(LANGUAGE_KEY, value)
    document.documentElement.lang = value === 'zh' ? 'zh-CN' : 'en'
  },
  { immediate: true },
)

watch(
  largeText,
  (value) => {
    remember(TEXT_SIZE_KEY, value ? 'large' : 'normal')
    document.documentElement.classList.toggle('large-text', value)
  },
  { immediate: true },
)

/** Follow what is chosen in another tab of the same browser; for the start of an app. */
export function followOtherTabs(): void {
  addEventListener('storage', (event) => {
    if (event.key === LANGUAGE_KEY) language.value = event.newValue === 'en' ? 'en' : 'zh'
    if (event.key === TEXT_SIZE_KEY) largeText.value = event.newValue === 'large'
  })
}

/** Put *values* into the places of *message*. */
export function fill(message: string, values: Values = {}): string {
  return message.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place))
}

/** The function that gives an app its words; it follows the language when it changes. */
export function words<Key extends string>(zh: Record<Key, string>, en: Record<NoInfer<Key>, string>) {
  return (key: Key, values?: Values): string => fill((language.value === 'zh' ? zh : en)[key], values)
}

/** The Chinese or the English name of a thing that carries both; Chinese where there is no English one. */
export function named(zh: string, en: string | null | undefined): string {
  return language.value === 'en' && en ? en : zh
}
