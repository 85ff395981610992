/** As much of a page as the console's words need; import it before them. */
import { vi } from 'vitest'
import 'vue' // looks for a real page when it is read, and must find none

vi.stubGlobal('document', { cookie: '', documentElement: { lang: '', classList: { toggle: () => false } } })
