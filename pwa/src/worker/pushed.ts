/** What a service worker does with a push: shows it, says so to the server, and opens the page it is about. */
import { readPush } from './told'

const RECEIPTS = '/api/v1/notifications/receipts'
const VIBRATION = [300, 120, 300]

/** Newer browsers know more about notifications than the library of types. */
interface ShownOptions extends NotificationOptions {
  renotify?: boolean
  vibrate?: number[]
  timestamp?: number
}

/** Says a word to all open pages of the worker. */
export async function wakePages(self: ServiceWorkerGlobalScope, word: string): Promise<void> {
  const pages = await self.clients.matchAll({ type: 'window' })
  for (const page of pages) page.postMessage(word)
}

/** Answers pushes and taps for the app below *app* (`/field`, `/console`). */
export function answerPushes(self: ServiceWorkerGlobalScope, app: string): void {
  self.addEventListener('push', (event) => event.waitUntil(show(self, app, event.data?.text() ?? null)))
  self.addEventListener('notificationclick', (event) => {
    event.notification.close()
    const { path, receipt } = event.notification.data as { path: string; receipt: string }
    event.waitUntil(Promise.all([openPage(self, app, path), acknowledge(receipt, 'opened')]))
  })
}

/** Show the push, whatever it holds; a newer one of the same case takes the place of the older. */
async function show(self: ServiceWorkerGlobalScope, app: string, text: string | null): Promise<void> {
  const { title, body, tag, lang, urgent, receipt, path } = readPush(text, app)
  const options: ShownOptions = {
    ...{ body, tag, lang, renotify: true, requireInteraction: urgent },
    ...{ icon: '/field/icon-192.png', badge: '/field/icon-192.png', data: { path, receipt } },
    ...(urgent ? { vibrate: VIBRATION } : {}),
  }
  await self.registration.showNotification(title, options)
  await Promise.all([acknowledge(receipt, 'shown'), wakePages(self, 'told')])
}

/** Tell the server; without network the ladder goes on to the next way of telling, as it should. */
async function acknowledge(token: string, event: 'shown' | 'opened'): Promise<void> {
  if (!token) return
  const body = JSON.stringify({ receipts: [{ token, event }] })
  const request = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body, keepalive: true }
  await fetch(RECEIPTS, request).catch(() => undefined)
}

/** Bring the app to the front at *path*; a page with a form half filled in decides by itself how. */
async function openPage(self: ServiceWorkerGlobalScope, app: string, path: string): Promise<void> {
  const pages = await self.clients.matchAll({ type: 'window' })
  const page = pages.find((one) => new URL(one.url).pathname.startsWith(app))
  if (!page) {
    await self.clients.openWindow(path)
    return
  }
  page.postMessage({ open: path })
  await page.focus()
}
