/** The catalogue in force: read once for all pages, when the first of them asks. */
import { computed, shallowRef } from 'vue'

import type { Answer } from '@/core/contract'
import { named } from '@/ui/language'
import { api } from '@/ui/session'

export type Catalogue = Answer<'get', '/catalogue'>
export type CaseClass = Catalogue['classes'][number]

export const catalogue = shallowRef<Catalogue | null>(null)
let asked: Promise<void> | null = null

/** Reads it unless it is there; throws what the API throws. */
export function needCatalogue(): Promise<void> {
  asked ??= api
    .get('/catalogue')
    .then((read) => {
      catalogue.value = read
    })
    .catch((problem: unknown) => {
      asked = null // the next page asks again
      throw problem
    })
  return asked
}

const classes = computed(() => new Map((catalogue.value?.classes ?? []).map((one) => [one.key, one])))
const departments = computed(() => new Map((catalogue.value?.departments ?? []).map((one) => [one.name, one])))

/** The name of a class, or its key where the catalogue has none. */
export function className(key: string): string {
  const found = classes.value.get(key)
  return found === undefined ? key : named(found.name, found.name_en)
}

export function departmentName(name: string): string {
  return named(name, departments.value.get(name)?.name_en)
}
