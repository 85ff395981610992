/** One thing read from the API, with its loading and error states. */
import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'

export interface Loaded<Value> {
  value: ShallowRef<Value | null>
  error: ShallowRef<unknown>
  loading: Ref<boolean>
  /** Reads again; the old value stays until the new one is there. A later call overtakes an earlier one, which then waits for it. */
  reload: () => Promise<void>
}

export function useLoad<Value>(read: () => Promise<Value>): Loaded<Value> {
  const value = shallowRef<Value | null>(null)
  const error = shallowRef<unknown>(null)
  const loading = ref(false)
  let turn = 0
  let newest: Promise<void> = Promise.resolve()
  async function run(mine: number): Promise<void> {
    loading.value = true
    try {
      const answer = await read()
      if (mine !== turn) return await newest
      value.value = answer
      error.value = null
    } catch (problem) {
      if (mine !== turn) return await newest
      error.value = problem // shown by AskState with a button to try again
    }
    loading.value = false
  }
  function reload(): Promise<void> {
    turn += 1
    newest = run(turn)
    return newest
  }
  return { value, error, loading, reload }
}
