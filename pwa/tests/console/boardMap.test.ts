// The map shows a case as late exactly where the list does.
import './page'

import { describe, expect, it } from 'vitest'

import { marksInSight, marksOfRows } from '@/console/cases/boardMap'
import type { CaseCard } from '@/console/cases/types'

const NOW = Date.parse('2026-11-27T09:00:00Z')

function card(id: string, state: string, acknowledge_due_at: string | null, overdue = false): CaseCard {
  const due_at = '2026-11-27T11:00:00Z'
  return { id, state, acknowledge_due_at, due_at, verify_due_at: null, overdue, class_name: '跨门营业', lat: 31.2, lon: 121.4 } as CaseCard
}

describe('a case on the map of the board', () => {
  const rows = [
    card('not accepted', 'dispatched', '2026-11-27T08:59:00Z'),
    card('has time', 'dispatched', '2026-11-27T09:10:00Z'),
    card('overdue', 'on_scene', null, true),
  ]

  it('is late where its acceptance is, not only where its work is', () => {
    expect(marksOfRows(rows, NOW).map((mark) => mark.look)).toEqual(['late', 'waiting', 'late'])
    expect(marksInSight([...rows].reverse() as never, rows, NOW).map((mark) => mark.look)).toEqual(['late', 'waiting', 'late'])
  })

  it('is as the server says where its row has not been read', () => {
    expect(marksInSight(rows as never, [], NOW).map((mark) => mark.look)).toEqual(['waiting', 'waiting', 'late'])
  })
})
