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
  { path: '/cases', title: 'nav.cases', verb: 'live.follow' },
  { path: '/reviews', title: 'nav.reviews', verb: 'review.read' },
  { path: '/plan', title: 'nav.plan', verb: 'round.read' },
  { path: '/responsibilities', title: 'nav.responsibilities', verb: 'responsibility.read' },
  { path: '/policies', title: 'nav.policies', verb: 'policy.read' },
  { path: '/tags', title: 'nav.tags', verb: 'tag.issue' },
  { path: '/ledger', title: 'nav.ledger', verb: 'ledger.read' },
]

/** The page that an address belongs to: that of a case to the board of cases. */
export function pageOf(path: string): Page | null {
  return PAGES.find((one) => path === one.path || (one.path !== '/' && path.startsWith(`${one.path}/`))) ?? null
}

const records: RouteRecordRaw[] = [
  { path: '/', component: () => import('./today/TodayPage.vue') },
  { path: '/cases', component: () => import('./cases/CasesPage.vue') },
  { path: '/cases/:id', component: () => import('./cases/CasePage.vue'), props: true },
  { path: '/reviews', component: () => import('./reviews/ReviewsPage.vue') },
  { path: '/policies', component: () => import('./policies/PoliciesPage.vue') },
  { path: '/responsibilities', component: () => import('./responsibilities/ResponsibilitiesPage.vue') },
  { path: '/plan', component: () => import('./plan/PlanPage.vue') },
  { path: '/tags', component: () => import('./tags/TagsPage.vue') },
  { path: '/ledger', component: () => import('./ledger/LedgerPage.vue') },
  { path: '/inbox', redirect: '/cases' }, // where a push without a case leads: the bell is on every page
  { path: '/:rest(.*)', redirect: '/' },
]

export const router = createRouter({ history: createWebHistory('/console/'), routes: records })
