/** A policy's rules as sentences that a supervisor can read aloud. */
import { limitWords, modeWords } from '@/ui/caseWords'

import { recipientWords } from '../cases/timeline'
import { t } from '../words'
import { readLimit, type Rule } from './policy'

function occurrence(rule: Rule): string {
  if (rule.max_times === null) return rule.nth === 1 ? t('policy.each_time') : t('policy.from_nth', { n: rule.nth })
  if (rule.max_times === 1) return t('policy.nth', { n: rule.nth })
  return t('policy.nth_to', { n: rule.nth, to: rule.nth + rule.max_times - 1 })
}

/**
 * Who takes over by a rule: a case 点到人 that is raised goes to its named owner, even where the document does not
 * say so (`Rule.new_owner` of the server); of one that was returned, the arbiter names the owner.
 */
function newOwner(rule: Rule): string | null {
  if (rule.trigger === 'returned') return null
  return rule.replace ?? (rule.raise_to !== null && rule.mode === 'point' ? 'named_owner' : null)
}

/** One rule: when, who is told, who takes over, what it becomes, when it rings again. */
export function ruleWords(rule: Rule): string {
  const parts = [t(rule.urgent === true ? 'policy.tell_urgent' : 'policy.tell', { who: rule.tell.map(recipientWords).join(t('list.and')) })]
  const next = newOwner(rule)
  if (next !== null) parts.push(t('policy.replace', { who: recipientWords(next) }))
  if (rule.raise_to !== null) parts.push(t('policy.raise', { mode: modeWords(rule.raise_to) }))
  if (rule.again_after !== null) parts.push(t('policy.again', { limit: limitWords(rule.again_after.amount, rule.again_after.unit) }))
  if (rule.last_resort) parts.push(t('policy.last_resort'))
  return t('policy.rule', { when: occurrence(rule), what: parts.join(t('list.comma')) })
}

/** What stands beside the rules: warning, limits, counts. */
export function figuresWords(document: Record<string, unknown>): string[] {
  const { warn_at, verify_limit, note_cadence, returns_final_after, many_reports } = document
  const said: string[] = []
  const verify = readLimit(verify_limit)
  const cadence = readLimit(note_cadence)
  if (typeof warn_at === 'number') said.push(t('policy.warn_at', { percent: Math.round(warn_at * 100) }))
  if (verify !== null) said.push(t('policy.verify', { limit: limitWords(verify.amount, verify.unit) }))
  if (cadence !== null) said.push(t('policy.cadence', { limit: limitWords(cadence.amount, cadence.unit) }))
  if (typeof returns_final_after === 'number') said.push(t('policy.final', { n: returns_final_after }))
  if (typeof many_reports === 'number') said.push(t('policy.many', { n: many_reports }))
  return said
}
