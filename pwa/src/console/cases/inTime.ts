/** Whether a closed case was put right in time. Pure. */
import { lengthWords } from '@/ui/caseWords'

import { t } from '../words'
import type { CaseDetail } from './types'

type Ended = Pick<CaseDetail, 'state' | 'due_at' | 'events' | 'fixed_on_spot'>

/** When it was last said to be done, by the server's clock, as the deadline is kept by it. */
function resolvedAt({ events, fixed_on_spot }: Ended): number | null {
  const steps = events.filter((event) => event.step === 'resolve' || (fixed_on_spot && event.step === 'file'))
  return steps.length === 0 ? null : Math.max(...steps.map((event) => Date.parse(event.received_at)))
}

/** In time, or by how much it was late; null where the case is not closed or had no deadline. */
export function inTimeWords(found: Ended): { text: string; late: boolean } | null {
  const done = resolvedAt(found)
  if (found.state !== 'closed' || found.due_at === null || done === null) return null
  const over = done - Date.parse(found.due_at)
  if (over <= 0) return { text: t('case.in_time'), late: false }
  // Less than a minute has no length in words, and was late all the same
  return { text: over < 60_000 ? t('case.just_late') : t('case.late_by', { length: lengthWords(over) }), late: true }
}
