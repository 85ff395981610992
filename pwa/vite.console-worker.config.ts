import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Third step of the build: the console's service worker, which keeps no files. */
export default defineConfig(() => ({
  publicDir: false as const,
  build: {
    target: ['chrome107', 'safari15.4', 'firefox104'],
    emptyOutDir: false,
    outDir: here('./dist/console'),
    lib: { entry: here('./src/worker/console-worker.ts'), formats: ['es' as const], fileName: () => 'service-worker.js' },
  },
}))
