/** The classes of problems, kept on the phone for the time without network. */
import { computed, shallowRef, watch } from 'vue'

import type { CaseClass, Catalogue } from '@/core/caseTypes'
import { readMeta, writeMeta } from '@/core/db'
import { ApiProblem, Unreachable } from '@/core/http'
import { used } from '@/core/picker'
import { named } from '@/ui/language'
import { api } from '@/ui/session'

import { sayError } from './notice'
import { kept, online, person } from './store'

interface KeptCatalogue {
  etag: string | null
  body: Catalogue
}

export const catalogue = shallowRef<Catalogue | null>(null)
/** Keys of the classes that the person used last. */
export const recentClasses = shallowRef<string[]>([])

const byKey = computed(() => new Map(catalogue.value?.classes.map((one) => [one.key, one])))

/** The class with *key*, where the phone knows it. */
export function classOf(key: string): CaseClass | null {
  return byKey.value.get(key) ?? null
}

/** The name of a department in the language in use. */
export function departmentWords(name: string): string {
  return named(name, catalogue.value?.departments.find((one) => one.name === name)?.name_en)
}

/** Read what is kept, then ask whether there is a newer one. */
async function load(): Promise<void> {
  const known = await readMeta<KeptCatalogue>('catalogue')
  catalogue.value = known?.body ?? null
  try {
    const changed = await api.getChanged('/catalogue', known?.etag ?? null)
    if (!changed) return
    catalogue.value = changed.body
    await writeMeta('catalogue', { etag: changed.etag, body: changed.body } satisfies KeptCatalogue)
  } catch (error) {
    if (error instanceof Unreachable) return
    // 404: the street has none yet; 401: the session shows it
    if (!(error instanceof ApiProblem && (error.status === 404 || error.status === 401))) sayError(error)
  }
}

const recentKey = () => `recent_classes:${person.value?.id ?? ''}`

/** The person has used a class: it comes first next time. */
export async function useClass(key: string): Promise<void> {
  recentClasses.value = used(recentClasses.value, key)
  await writeMeta(recentKey(), recentClasses.value)
}

/** Begin to keep the catalogue; called once. It is asked for again when the feed names another version. */
export function followCatalogue(): void {
  watch(
    [() => person.value?.id, () => kept.value?.feed?.feed.cases?.catalogue_version ?? null, online],
    ([user, version]) => {
      if (!user) return
      void readMeta<string[]>(recentKey()).then((keys) => {
        recentClasses.value = keys ?? []
      })
      if (catalogue.value && catalogue.value.version === version) return
      load().catch(sayError)
    },
    { immediate: true },
  )
}
