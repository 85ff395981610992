import '@/ui/tokens.css'
import '@/ui/base.css'
import './console.css'

import { createApp } from 'vue'

import { session } from '@/ui/session'

import App from './App.vue'
import { router } from './router'

createApp(App).use(router).mount('#app')
void session.start()
