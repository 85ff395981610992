/**
 * Keeps the field app on the phone: every file of it is fetched once, when a version is installed, and
 * answered from there. Data goes past it: the phone's log and the copies of what the server said are in
 * IndexedDB, kept by the pages.
 */
import { cleanupOutdatedCaches, createHandlerBoundToURL, precacheAndRoute } from 'workbox-precaching'
import { NavigationRoute, registerRoute } from 'workbox-routing'

import { readPush } from './told'

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
  if (event.tag === 'flush') event.waitUntil(wakePages())
}) as EventListener)

async function wakePages(word = 'flush'): Promise<void> {
  const pages = await self.clients.matchAll({ type: 'window' })
  for (const page of pages) page.postMessage(word)
}

const RECEIPTS = '/api/v1/notifications/receipts'
const VIBRATION = [300, 120, 300]

/** Newer browsers know more about notifications than the library of types. */
interface ShownOptions extends NotificationOptions {
  renotify?: boolean
  vibrate?: number[]
  timestamp?: number
}

self.addEventListener('push', (event) => event.waitUntil(show(event.data?.text() ?? null)))

/** Show the push, whatever it holds; a newer one of the same case takes the place of the older. */
async function show(text: string | null): Promise<void> {
  const { title, body, tag, lang, urgent, receipt, path } = readPush(text)
  const options: ShownOptions = {
    ...{ body, tag, lang, renotify: true, requireInteraction: urgent },
    ...{ icon: '/field/icon-192.png', badge: '/field/icon-192.png', data: { path, receipt } },
    ...(urgent ? { vibrate: VIBRATION } : {}),
  }
  await self.registration.showNotification(title, options)
  await Promise.all([acknowledge(receipt, 'shown'), wakePages('told')])
}

/** Tell the server; without network the ladder goes on to the next way of telling, as it should. */
async function acknowledge(token: string, event: 'shown' | 'opened'): Promise<void> {
  if (!token) return
  const body = JSON.stringify({ receipts: [{ token, event }] })
  const request = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body, keepalive: true }
  await fetch(RECEIPTS, request).catch(() => undefined)
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  const { path, receipt } = event.notification.data as { path: string; receipt: string }
  event.waitUntil(Promise.all([openPage(path), acknowledge(receipt, 'opened')]))
})

/** Bring the app to the front at *path*; a page with a form half filled in decides by itself how. */
async function openPage(path: string): Promise<void> {
  const pages = await self.clients.matchAll({ type: 'window' })
  const page = pages.find((one) => new URL(one.url).pathname.startsWith('/field'))
  if (!page) {
    await self.clients.openWindow(path)
    return
  }
  page.postMessage({ open: path })
  await page.focus()
}
