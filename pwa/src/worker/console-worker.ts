/** The console's service worker: keeps nothing, only shows what the desk is told while the page is closed. */
import { answerPushes } from './pushed'

declare const self: ServiceWorkerGlobalScope

self.addEventListener('install', () => void self.skipWaiting()) // there is no page's state to swap
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))
answerPushes(self, '/console')
