/** One thing read from the API, with its loading and error states. */
import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'

export interface Loaded<Value> {
  value: ShallowRef<Value | null>
  error: ShallowRef<unknown>
  loading: Ref<boolean>
  /** Reads again; the old value stays until the new one is there. A later call overtakes an earlier one. */
  reload: () => Promise<void>
}

export function useLoad<Value>(read: () => Promise<Value>): Loaded<Value> {
  const value = shallowRef<Value | null>(null)
  const error = shallowRef<unknown>(null)
  const loading = ref(false)
  let turn = 0
  async function reload(): Promise<void> {
    turn += 1
    const mine = turn
    loading.value = true
    try {
      const answer = await read()
      if (mine !== turn) return
      value.value = answer
      error.value = null
    } catch (problem) {
      if (mine === turn) error.value = problem // shown by AskState with a button to try again
    } finally {
      if (mine === turn) loading.value = false
    }
  }
  return { value, error, loading, reload }
}
