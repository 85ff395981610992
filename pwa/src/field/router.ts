import { createRouter, createWebHistory } from 'vue-router'

import HomePage from './pages/HomePage.vue'
import RoundPage from './pages/RoundPage.vue'

export const router = createRouter({
  history: createWebHistory('/field/'),
  routes: [
    { path: '/', component: HomePage },
    { path: '/rounds/:id', component: RoundPage, props: true, meta: { ownBottom: true } },
    { path: '/report', component: () => import('./pages/ReportPage.vue'), meta: { ownBottom: true } },
    { path: '/cases', component: () => import('./pages/CasesPage.vue') },
    { path: '/cases/:id', component: () => import('./pages/CasePage.vue'), props: true, meta: { ownBottom: true } },
    { path: '/reports', component: () => import('./pages/ReportsPage.vue') },
    { path: '/inbox', component: () => import('./pages/InboxPage.vue') },
    { path: '/decisions', component: () => import('./pages/DecisionsPage.vue') },
    { path: '/attention', component: () => import('./pages/AttentionPage.vue') },
    { path: '/looks', component: () => import('./pages/LooksPage.vue') },
    { path: '/settings', component: () => import('./pages/SettingsPage.vue') },
    { path: '/:rest(.*)*', redirect: '/' },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})
