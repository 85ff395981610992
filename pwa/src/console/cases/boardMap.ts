/** What the map beside the board shows. Pure. */
import type { Answer } from '@/core/contract'
import { isLate } from '@/core/deadline'
import { caseLook } from '@/map/looks'
import type { MapCase } from '@/map/types'
import { named } from '@/ui/language'

import type { CaseCard } from './types'

type Point = Answer<'get', '/cases/map'>['items'][number]

/** The rows of the list, each as its mark. */
export function marksOfRows(cards: readonly CaseCard[], now: number): MapCase[] {
  return cards.map((card) => mark(card, isLate(card, now)))
}

/**
 * All cases in sight. A point does not tell until when somebody should have accepted; the row of the same case
 * does, and rows that are late stand at the top of the list.
 */
export function marksInSight(points: readonly Point[], cards: readonly CaseCard[], now: number): MapCase[] {
  const late = new Set(cards.filter((card) => isLate(card, now)).map((card) => card.id))
  return points.map((point) => mark(point, point.overdue || late.has(point.id)))
}

function mark(one: Omit<Point, 'overdue'>, late: boolean): MapCase {
  const { id, lat, lon, class_name, class_name_en, state } = one
  return { id, lat, lon, name: named(class_name, class_name_en), look: caseLook(state, late) }
}
