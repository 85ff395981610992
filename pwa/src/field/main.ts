import '@/ui/tokens.css'
import '@/ui/base.css'

import { createApp } from 'vue'

import { session } from '@/ui/session'

import App from './App.vue'
import { endForgottenShifts } from './duty'
import { followDuty } from './gps'
import { sayError } from './notice'
import { fetchReference } from './reference'
import { router } from './router'
import { closeStore, openFor } from './store'
import { installWorker } from './update'
import { keepAwake } from './wake'

const app = createApp(App)
app.config.errorHandler = sayError
addEventListener('unhandledrejection', (event) => sayError(event.reason))
app.use(router)
app.mount('#app')

followDuty()
endForgottenShifts()
keepAwake()

let shown: string | null = null
session.subscribe((state) => {
  const user = state.kind === 'online' || state.kind === 'offline' ? state.user : null
  if (user) openFor(user).catch(sayError)
  if (state.kind === 'online' && shown !== state.user.id) fetchReference().catch(sayError)
  else closeStore()
  // Offline there is nothing to fetch: the next state, online, is the first that counts
  if (state.kind !== 'offline') shown = user?.id ?? null
})
session.start().catch(sayError)
installWorker().catch(sayError)
