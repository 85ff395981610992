/** The service worker of the app: installs it, and says when a new version waits. */
import { ref } from 'vue'

export const updateWaits = ref(false)

const LOOK_EVERY_MS = 60 * 60_000

let registration: ServiceWorkerRegistration | null = null

/** Install the service worker; called once. In development there is none. */
export async function installWorker(): Promise<void> {
  if (!('serviceWorker' in navigator) || import.meta.env.DEV) return
  registration = await navigator.serviceWorker.register('/field/service-worker.js', { scope: '/field/' })
  notice(registration)
  registration.addEventListener('updatefound', () => {
    const coming = registration?.installing
    coming?.addEventListener('statechange', () => registration && notice(registration))
  })
  setInterval(() => void registration?.update().catch(() => undefined), LOOK_EVERY_MS) // offline: later
}

function notice(found: ServiceWorkerRegistration): void {
  // Without a controller it is the first version, which has nothing to replace
  if (found.waiting && navigator.serviceWorker.controller) updateWaits.value = true
}

/** The person said yes: let the new version take over and start again with it. */
export function takeUpdate(): void {
  navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true })
  registration?.waiting?.postMessage('take-over')
}
