import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import type { Manifest } from 'vite'

export interface PrecacheEntry {
  url: string
  revision: string | null
}

/** Every chunk that *entry* can reach, also by dynamic import: the app must open all its pages offline. */
function reach(manifest: Manifest, entry: string): Set<string> {
  const files = new Set<string>()
  const seen = new Set<string>()
  const queue = [entry]
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    const chunk = manifest[key]
    if (seen.has(key) || !chunk) continue
    seen.add(key)
    for (const file of [chunk.file, ...(chunk.css ?? []), ...(chunk.assets ?? [])]) files.add(file)
    queue.push(...(chunk.imports ?? []), ...(chunk.dynamicImports ?? []))
  }
  return files
}

/** The files of one app with their revisions; hashed names need none. Addresses are absolute. */
export function precacheList(dist: string, entry: string): PrecacheEntry[] {
  const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8')) as Manifest
  const app = entry.split('/')[0] ?? ''
  const revision = (file: string) => createHash('sha256').update(readFileSync(join(dist, file))).digest('hex').slice(0, 16)
  const hashed = [...reach(manifest, entry)].filter((file) => /^(assets|field\/workers)\//.test(file))
  const named = readdirSync(join(dist, app), { withFileTypes: true })
    .filter((item) => item.isFile() && item.name !== 'service-worker.js')
    .map((item) => `${app}/${item.name}`)
  return [
    ...hashed.sort().map((file) => ({ url: `/${file}`, revision: null })),
    ...named.sort().map((file) => ({ url: `/${file}`, revision: revision(file) })),
  ]
}
