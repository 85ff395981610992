/** Notifications of this phone: on, off, or why not. */
import { ref } from 'vue'

import { ApiProblem, Unreachable } from '@/core/http'
import { renewPush, turnOffPush, turnOnPush, type PushParts, type PushState } from '@/core/push'
import { api } from '@/ui/session'

import { sayError } from './notice'
import { router } from './router'
import { deviceLabel, person } from './store'

export const pushState = ref<PushState | null>(null) // null: not known yet
export const pushBusy = ref(false)

function parts(user: string): PushParts {
  return {
    user,
    label: deviceLabel(),
    server: {
      key: async () => (await api.get('/push-key')).key,
      put: (id, body) => api.put(`/push-subscriptions/${id}`, body),
      remove: (id) => api.delete(`/push-subscriptions/${id}`),
    },
    registration: async () => {
      if (!('serviceWorker' in navigator) || !('PushManager' in window)) return null
      return (await navigator.serviceWorker.getRegistration('/field/')) ?? null
    },
    permission: () => ('Notification' in window ? Notification.permission : null),
    ask: () => Notification.requestPermission(),
  }
}

async function become(work: (parts: PushParts) => Promise<PushState>): Promise<void> {
  const user = person.value
  if (!user || pushBusy.value) return
  pushBusy.value = true
  try {
    pushState.value = await work(parts(user.id))
  } catch (error) {
    if (!(error instanceof Unreachable) && !(error instanceof ApiProblem && error.status === 401)) sayError(error)
  } finally {
    pushBusy.value = false
  }
}

/** At every start: browsers lose subscriptions without a word. */
export const renew = () => become(renewPush)

export const turnOn = () => become(turnOnPush)

export const turnOff = () =>
  become(async (all) => {
    await turnOffPush(all)
    return 'off'
  })

/** Before a sign-out: nothing more appears here for somebody who has left. */
export async function leavePush(): Promise<void> {
  const user = person.value
  if (!user) return
  try {
    await turnOffPush(parts(user.id), true)
  } catch (error) {
    // Offline: the browser's own subscription is gone, so the server's copy leads nowhere
    if (!(error instanceof Unreachable) && !(error instanceof ApiProblem)) throw error
  }
  pushState.value = null
}

/** A tap on a notification while the app is open. */
export function followTaps(): void {
  navigator.serviceWorker?.addEventListener('message', (event: MessageEvent) => {
    const { open } = (typeof event.data === 'object' ? event.data : {}) as { open?: string }
    if (open?.startsWith('/field/')) router.push(open.slice('/field'.length)).catch(sayError)
  })
}
