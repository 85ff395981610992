import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

import { precacheList } from './build/precache.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Second step of the build: the field app's service worker, with the list of files it must keep. */
export default defineConfig(() => ({
  publicDir: false as const,
  define: {
    'process.env.NODE_ENV': '"production"', // in library mode nobody else says so
    __PRECACHE__: JSON.stringify(precacheList(here('./dist'), 'field/index.html')),
  },
  build: {
    target: ['chrome107', 'safari15.4', 'firefox104'],
    emptyOutDir: false,
    outDir: here('./dist/field'),
    lib: { entry: here('./src/worker/service-worker.ts'), formats: ['es' as const], fileName: () => 'service-worker.js' },
  },
}))
