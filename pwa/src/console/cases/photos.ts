/** Photos of a case as addresses that an image can show: read with the token, kept while the page is open. */
import { api } from '@/ui/session'

export type Size = 'small' | 'large'

export class PhotoShelf {
  private readonly kept = new Map<string, Promise<string>>()

  constructor(private readonly caseId: string) {}

  /** The address of a photo; throws what the API throws. */
  address(sha256: string, size: Size): Promise<string> {
    const key = `${size} ${sha256}`
    const found = this.kept.get(key)
    if (found !== undefined) return found
    const made = api
      .download(`/cases/${this.caseId}/photos/${sha256}`, { size }, 'image/jpeg, application/problem+json')
      .then((photo) => URL.createObjectURL(photo))
    this.kept.set(key, made)
    made.catch(() => this.kept.delete(key)) // the next look tries again
    return made
  }

  /** The page is closed. */
  close(): void {
    for (const address of this.kept.values()) {
      address.then(URL.revokeObjectURL, () => undefined)
    }
    this.kept.clear()
  }
}
