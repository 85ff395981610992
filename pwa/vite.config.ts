import vue from '@vitejs/plugin-vue'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

import { deepLinks } from './build/entries.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const api = { target: process.env.API_ORIGIN ?? 'http://127.0.0.1:8000', changeOrigin: false }
const proxy = { '/api': api, '/healthz': api }

export default defineConfig({
  appType: 'mpa',
  plugins: [vue(), deepLinks()],
  resolve: { alias: { '@': here('./src') } },
  build: {
    target: ['chrome107', 'safari15.4', 'firefox104'],
    manifest: true, // read by vite.worker.config.ts
    sourcemap: false,
    assetsInlineLimit: 0, // everything has an address of its own, so that the policy may forbid data: scripts
    rolldownOptions: {
      input: { field: here('./field/index.html'), console: here('./console/index.html') },
    },
  },
  worker: {
    format: 'es',
    // A worker's own file is answered by the service worker only inside its scope, so it lies there
    rolldownOptions: { output: { entryFileNames: 'field/workers/[name]-[hash].js' } },
  },
  server: { proxy, fs: { allow: [here('..')] } },
  preview: { proxy },
  test: {
    environment: 'node',
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/setup.ts'],
    testTimeout: 30_000, // on a busy machine the slowest take several times as long
  },
})
