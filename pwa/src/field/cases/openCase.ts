/** The case whose page is open: as new as the server has it, and followed while somebody looks at it. */
import { computed, onScopeDispose, ref, shallowRef, watch } from 'vue'

import type { CaseDetail, FieldCase } from '@/core/caseTypes'
import { caseNow } from '@/core/cases'
import { localActs, type LocalAct } from '@/core/feed'
import { ApiProblem, Unreachable } from '@/core/http'
import { errorWords } from '@/ui/common'
import { api } from '@/ui/session'

import { sayError } from '../notice'
import { kept, online } from '../store'

/** What others do to the case tells this person nothing where they have no part in it, so the page asks. */
const FOLLOW_MS = 15_000
const TICK_MS = 5_000

export function useOpenCase(id: () => string) {
  const fetched = shallowRef<CaseDetail | null>(null)
  const trouble = ref('')
  let askedAt = 0

  const detail = computed(() => (fetched.value?.id === id() ? fetched.value : null))
  const acts = computed<LocalAct[]>(() => (kept.value ? localActs(kept.value) : []))
  const listed = computed<FieldCase | null>(() => {
    const lists = kept.value?.feed?.feed.cases
    if (!lists) return null
    return [...lists.tasks, ...lists.to_verify, ...lists.watching, ...lists.reported].find((card) => card.id === id()) ?? null
  })
  const one = computed(() => caseNow(listed.value, detail.value, acts.value))

  async function load(): Promise<void> {
    if (!online.value) return
    askedAt = Date.now()
    try {
      const found = await api.get(`/cases/${id()}`)
      // Two answers may overtake each other
      if (detail.value && found.version < detail.value.version) return
      fetched.value = found
      trouble.value = ''
    } catch (error) {
      if (error instanceof Unreachable) return
      if (!(error instanceof ApiProblem)) throw error
      trouble.value = errorWords(error)
    }
  }

  function follow(): void {
    if (document.visibilityState === 'visible' && Date.now() - askedAt >= FOLLOW_MS) load().catch(sayError)
  }

  watch([id, () => kept.value?.feed?.fetched_at, online], () => void load().catch(sayError), { immediate: true })
  const timer = setInterval(follow, TICK_MS)
  document.addEventListener('visibilitychange', follow)
  onScopeDispose(() => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', follow)
  })

  return { detail, trouble, one, acts }
}
