import '@/ui/tokens.css'
import '@/ui/base.css'

import { createApp } from 'vue'

import { followOtherTabs } from '@/ui/language'
import { session } from '@/ui/session'

import App from './App.vue'
import { followPictures, forgetPictures } from './cases/pictures'
import { followCatalogue } from './catalogue'
import { endForgottenShifts } from './duty'
import { followDuty } from './gps'
import { followInbox } from './inbox'
import { sayError } from './notice'
import { followTaps, renew } from './push'
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

followOtherTabs()
followDuty()
endForgottenShifts()
keepAwake()
followCatalogue()
followPictures()
followInbox()
followTaps()

session.subscribe((state) => {
  if (state.kind === 'signed_out' && state.because !== 'never') void forgetPictures()
  if (state.kind !== 'online' && state.kind !== 'offline') return closeStore()
  const opened = openFor(state.user)
  opened.catch(sayError)
  if (state.kind !== 'online') return
  fetchReferenceOnce().catch(sayError)
  void opened.then(renew, () => undefined) // said above
})
session.start().catch(sayError)
installWorker().catch(sayError)
