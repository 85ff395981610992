/**
 * Web Push in this browser: subscribed again at every start, because browsers lose subscriptions, and given
 * up at sign-out. Says honestly where it does not work; other ways still reach the person then.
 */
import { readMeta, writeMeta } from './db'
import { uuid7 } from './ids'

/**
 * `off`: not asked for, or given up. `denied`: forbidden in the browser's settings. `unsupported`: this
 * browser cannot. `failed`: the browser's push service cannot be reached, as Google's in mainland China.
 */
export type PushState = 'on' | 'off' | 'denied' | 'unsupported' | 'failed'

export interface PushServer {
  key(): Promise<string>
  put(id: string, body: { endpoint: string; p256dh: string; auth: string; label: string }): Promise<unknown>
  remove(id: string): Promise<unknown>
}

export interface PushParts {
  user: string
  app?: string // where one browser has several apps, each has a subscription of its own
  label: string // what this browser calls itself
  server: PushServer
  registration: () => Promise<Pick<ServiceWorkerRegistration, 'pushManager'> | null>
  permission: () => NotificationPermission | null // null where the browser knows no notifications
  ask: () => Promise<NotificationPermission>
  patienceMs?: number
}

const PATIENCE_MS = 20_000 // a browser that cannot reach its push service may never answer

const whose = ({ app, user }: PushParts) => (app ? `${app}:${user}` : user)
const idKey = (parts: PushParts) => `push_id:${whose(parts)}`
const wantedKey = (parts: PushParts) => `push_wanted:${whose(parts)}`

/** The id of the person's subscription of this browser; made once. */
async function subscriptionId(parts: PushParts): Promise<string> {
  const known = await readMeta<string>(idKey(parts))
  if (known) return known
  const made = uuid7()
  await writeMeta(idKey(parts), made)
  return made
}

/** Turn pushes on, after a tap: asks for the permission where it was not given yet. */
export async function turnOnPush(parts: PushParts): Promise<PushState> {
  if (parts.permission() === null || !(await parts.registration())) return 'unsupported'
  await writeMeta(wantedKey(parts), true)
  if (parts.permission() !== 'granted') await parts.ask()
  return renewPush(parts)
}

/** Say at a start where this browser can be reached. Asks nobody for anything. */
export async function renewPush(parts: PushParts): Promise<PushState> {
  const permission = parts.permission()
  const registration = permission === null ? null : await parts.registration()
  if (!registration) return 'unsupported'
  if (permission === 'denied') return 'denied'
  if (permission !== 'granted' || !(await readMeta<boolean>(wantedKey(parts)))) return 'off'
  const key = await parts.server.key()
  const subscription = await subscribed(registration.pushManager, key, parts.patienceMs ?? PATIENCE_MS)
  if (!subscription) return 'failed'
  const { endpoint, keys } = subscription.toJSON()
  if (!endpoint || !keys?.p256dh || !keys.auth) return 'failed'
  await parts.server.put(await subscriptionId(parts), { endpoint, p256dh: keys.p256dh, auth: keys.auth, label: parts.label })
  return 'on'
}

/** Turn pushes off in this browser; at a sign-out (`leaving`) only until the person comes back. */
export async function turnOffPush(parts: PushParts, leaving = false): Promise<void> {
  if (!leaving) await writeMeta(wantedKey(parts), false)
  const id = await readMeta<string>(idKey(parts))
  const registration = parts.permission() === null ? null : await parts.registration()
  // The browser first: nothing may appear on the screen of somebody who has left, whatever the server says
  const subscription = await registration?.pushManager.getSubscription()
  await subscription?.unsubscribe()
  if (id) await parts.server.remove(id)
}

async function subscribed(manager: PushManager, key: string, patienceMs: number): Promise<PushSubscription | null> {
  const known = await manager.getSubscription()
  if (known && sameKey(known.options.applicationServerKey, key)) return known
  await known?.unsubscribe() // made for another server's key
  const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), patienceMs))
  // A refusal of the browser (no push service) has no type of its own
  const asked = manager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(key) }).catch(() => null)
  return Promise.race([asked, late])
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

function sameKey(known: ArrayBuffer | null, key: string): boolean {
  if (!known) return false
  const [one, other] = [new Uint8Array(known), bytesOf(key)]
  return one.length === other.length && one.every((byte, index) => byte === other[index])
}
