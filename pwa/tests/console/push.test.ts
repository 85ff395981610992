// Where a push leads: to the page of the app that shows it.
import { expect, it } from 'vitest'

import { readPush } from '@/worker/told'

const ID = '01a20e54-ce76-7489-ad1d-832e36943369'

it.each([
  ['/console', 'case', ID, `/console/cases/${ID}`],
  ['/console', 'case', '../../field', '/console/inbox'],
  ['/console', 'street', ID, '/console/inbox'],
  ['/field', 'case', ID, `/field/cases/${ID}`],
])('in %s, about a %s %s, to %s', (app, subject_kind, subject_id, path) => {
  expect(readPush(JSON.stringify({ title: 'x', subject_kind, subject_id }), app).path).toBe(path)
})
