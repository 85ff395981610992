/**
 * Keeps the field app on the phone: every file of it is fetched once, when a version is installed, and
 * answered from there. Data goes past it: the phone's log and the copies of what the server said are in
 * IndexedDB, kept by the pages.
 */
import { cleanupOutdatedCaches, createHandlerBoundToURL, precacheAndRoute } from 'workbox-precaching'
import { NavigationRoute, registerRoute } from 'workbox-routing'

import { answerPushes, wakePages } from './pushed'

declare const self: ServiceWorkerGlobalScope
declare const __PRECACHE__: { url: string; revision: string | null }[]

/** Background Sync exists in Chromium only and is in no standard library of types. */
interface SyncEvent extends ExtendableEvent {
  readonly tag: string
}

precacheAndRoute(__PRECACHE__)
cleanupOutdatedCaches()
registerRoute(new NavigationRoute(createHandlerBoundToURL('/field/index.html'), { allowlist: [/^\/field(\/|$)/] }))

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))

// A new version waits until the person says yes: nothing is swapped under a running round.
self.addEventListener('message', (event) => {
  if (event.data === 'take-over') void self.skipWaiting()
})

// The keys of the log may sign only in a page that knows who is signed in, so the worker wakes the pages.
self.addEventListener('sync', ((event: SyncEvent) => {
  if (event.tag === 'flush') event.waitUntil(wakePages(self, 'flush'))
}) as EventListener)

answerPushes(self, '/field')
