/** Unsent entries as a file: the last resort where nothing else gets them off the phone. */
import { exportUnsent } from '@/core/log'

/** Save everything of *user* that the server does not hold in effect as a JSON file, photos too. */
export async function saveUnsent(user: string, username: string): Promise<{ records: number; photos: number }> {
  const content = await exportUnsent(user)
  const address = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: 'application/json' }))
  const link = document.createElement('a')
  link.href = address
  link.download = `ironfeet-${username}-${content.exported_at.slice(0, 19).replaceAll(':', '')}.json`
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
  return { records: content.entries.length + content.refused.length, photos: content.photos.length }
}
