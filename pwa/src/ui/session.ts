/** The page's own session and API: the core put together with this browser's cookies and storage. */
import { shallowRef } from 'vue'

import { Api } from '@/core/api'
import { readLastUser, writeLastUser } from '@/core/db'
import { exclusive } from '@/core/locks'
import { Session, type SessionState } from '@/core/session'

/** The CSRF cookie, which the server sets beside the refresh cookie; null where nobody signed in. */
function readCsrf(): string | null {
  const pair = document.cookie.split('; ').find((part) => part.startsWith('ironfeet_csrf='))
  return pair ? decodeURIComponent(pair.slice(pair.indexOf('=') + 1)) : null
}

function dropCsrf(): void {
  document.cookie = 'ironfeet_csrf=; Path=/; Max-Age=0; SameSite=Strict'
}

export const session = new Session({
  memory: { read: readLastUser, write: writeLastUser },
  exclusive,
  readCsrf,
  dropCsrf,
  channel: new BroadcastChannel('ironfeet-session'),
})

export const api = new Api(session)

/** Follows the session, for templates. */
export const sessionState = shallowRef<SessionState>(session.state)
session.subscribe((state) => {
  sessionState.value = state
})
