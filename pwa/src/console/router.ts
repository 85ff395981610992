/** The console's pages and the verb that each needs. */
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'

import type { Verb } from '@/core/types'

import type { ConsoleKey } from './words'

export interface Page {
  path: string
  title: ConsoleKey
  verb: Verb
}

export const PAGES: readonly Page[] = [
  { path: '/', title: 'nav.today', verb: 'round.read' },
  { path: '/reviews', title: 'nav.reviews', verb: 'review.read' },
  { path: '/plan', title: 'nav.plan', verb: 'round.read' },
  { path: '/tags', title: 'nav.tags', verb: 'tag.issue' },
  { path: '/ledger', title: 'nav.ledger', verb: 'ledger.read' },
]

const records: RouteRecordRaw[] = [
  { path: '/', component: () => import('./today/TodayPage.vue') },
  { path: '/reviews', component: () => import('./reviews/ReviewsPage.vue') },
  { path: '/plan', component: () => import('./plan/PlanPage.vue') },
  { path: '/tags', component: () => import('./tags/TagsPage.vue') },
  { path: '/ledger', component: () => import('./ledger/LedgerPage.vue') },
  { path: '/:rest(.*)', redirect: '/' },
]

export const router = createRouter({ history: createWebHistory('/console/'), routes: records })
