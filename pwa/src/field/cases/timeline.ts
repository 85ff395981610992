/** What a line of the timeline says besides the step, who took it and when. */
import type { CaseDetail, CaseEvent } from '@/core/caseTypes'
import { howWords, offlineWords, returnWords, triggerWords, whyWords } from '@/ui/caseWords'
import { named } from '@/ui/language'

import { t } from '../words'

/** The names of all who have or had a part, by id. */
export function namesIn(detail: Pick<CaseDetail, 'people'> | null): ReadonlyMap<string, string> {
  return new Map((detail?.people ?? []).map(({ person }) => [person.id, named(person.display_name, person.display_name_en)]))
}

export function moreWords(event: CaseEvent, names: ReadonlyMap<string, string>): string {
  const { reason, why, trigger, owner_id } = event.data as Record<string, unknown>
  const who = typeof owner_id === 'string' ? names.get(owner_id) : undefined
  const said = [
    howWords(event),
    typeof trigger === 'string' ? triggerWords(trigger) : null,
    who === undefined ? null : t('timeline.to', { who }), // only the rules' reason would leave open whom they chose
    event.step === 'return' && typeof reason === 'string' ? returnWords(reason) : null,
    typeof why === 'string' ? whyWords(why) : null,
    offlineWords(event), // two times of one event would otherwise stand unexplained
  ]
  return said.filter((words) => words !== null).join(t('list.comma'))
}
