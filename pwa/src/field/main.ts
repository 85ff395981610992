import '@/ui/tokens.css'
import '@/ui/base.css'

import { createApp } from 'vue'

import { session } from '@/ui/session'

import App from './App.vue'
import { endForgottenShifts } from './duty'
import { followDuty } from './gps'
import { sayError } from './notice'
import { fetchReferenceOnce } from './reference'
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

session.subscribe((state) => {
  if (state.kind !== 'online' && state.kind !== 'offline') return closeStore()
  openFor(state.user).catch(sayError)
  if (state.kind === 'online') fetchReferenceOnce().catch(sayError)
})
session.start().catch(sayError)
installWorker().catch(sayError)
