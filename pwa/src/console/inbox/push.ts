/** Notifications of this browser while the console is closed: on, off, or why not. */
import { ref } from 'vue'

import { ApiProblem, Unreachable } from '@/core/http'
import { renewPush, turnOffPush, turnOnPush, type PushParts, type PushState } from '@/core/push'
import { api } from '@/ui/session'

import { router } from '../router'
import { user } from '../shared'
import { t } from '../words'

const SCOPE = '/console/'

export const pushState = ref<PushState | null>(null) // null: not known yet

function parts(userId: string): PushParts {
  return {
    user: userId,
    app: 'console',
    label: t('app.title'),
    server: {
      key: async () => (await api.get('/push-key')).key,
      put: (id, body) => api.put(`/push-subscriptions/${id}`, body),
      remove: (id) => api.delete(`/push-subscriptions/${id}`),
    },
    registration: async () => {
      if (!('serviceWorker' in navigator) || !('PushManager' in window)) return null
      await navigator.serviceWorker.register(`${SCOPE}service-worker.js`, { scope: SCOPE })
      return navigator.serviceWorker.ready
    },
    permission: () => ('Notification' in window ? Notification.permission : null),
    ask: () => Notification.requestPermission(),
  }
}

async function become(work: (all: PushParts) => Promise<PushState>): Promise<void> {
  const me = user.value
  if (me !== null) pushState.value = await work(parts(me.id))
}

/** At every start, because browsers lose subscriptions without a word. Never in the way: the bell shows all. */
export async function renewDesk(): Promise<void> {
  try {
    await become(renewPush)
  } catch {
    pushState.value = 'failed' // said under the bell, with a button to try again
  }
}

export const turnOnDesk = () => become(turnOnPush)

export const turnOffDesk = () =>
  become(async (all) => {
    await turnOffPush(all)
    return 'off'
  })

/** Before a sign-out: nothing more appears here for somebody who has left. */
export async function leaveDesk(): Promise<void> {
  const me = user.value
  if (me === null || pushState.value !== 'on') return
  try {
    await turnOffPush(parts(me.id), true)
  } catch (error) {
    // The browser's own subscription is gone, so the server's copy leads nowhere
    if (!(error instanceof Unreachable) && !(error instanceof ApiProblem)) throw error
  }
  pushState.value = null
}

/** A tap on a notification while the console is open; returns how to stop. */
export function followTaps(): () => void {
  const tapped = (event: MessageEvent): void => {
    const { open } = (typeof event.data === 'object' && event.data !== null ? event.data : {}) as { open?: unknown }
    if (typeof open === 'string' && open.startsWith(SCOPE)) void router.push(open.slice(SCOPE.length - 1))
  }
  navigator.serviceWorker?.addEventListener('message', tapped)
  return () => navigator.serviceWorker?.removeEventListener('message', tapped)
}
