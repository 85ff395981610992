import '@/ui/tokens.css'
import '@/ui/base.css'
import './console.css'

import { createApp } from 'vue'

import { followOtherTabs } from '@/ui/language'
import { session } from '@/ui/session'

import App from './App.vue'
import { router } from './router'

createApp(App).use(router).mount('#app')
followOtherTabs()
void session.start()
