/**
 * A form about a case, with photos. It is kept on the phone from its first touch, because a phone may throw
 * the page away while its camera is open; its id is made when it opens and becomes that of the entry.
 */
import { computed, onBeforeUnmount, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'

import type { DraftPhoto, DraftRow } from '@/core/db'
import { uuid7 } from '@/core/ids'
import type { Kind } from '@/core/log'
import { dropDraft, keepDraft, keepPhoto, sha256Of } from '@/core/photos'
import type { Fix } from '@/core/proof'

import { position } from './gps'
import { usable } from './gpsState'
import { PhotoTooLarge, PhotoUnreadable, shrink } from './shrink'
import { kept, person, reload, writeForm } from './store'

export const MAX_PHOTOS = 9

/** The position now, where the phone is on duty and knows it. */
export function fixNow(): Fix | null {
  return usable(position.value, Date.now())
}

/** The form of *kind* about *about* that was begun and not sent, or null. */
export function begun(kind: string, about: string | null): DraftRow | null {
  return kept.value?.drafts.find((row) => row.kind === kind && row.about === about) ?? null
}

class CaseForm<Fields extends Record<string, unknown>> {
  readonly id: string
  readonly resumed: boolean
  readonly fields: Ref<Fields>
  readonly photos: ShallowRef<DraftPhoto[]>
  readonly busy = ref(false)
  readonly adding = ref(0) // photos that are being made smaller
  readonly touched: ComputedRef<boolean>
  private over = false
  private saving: Promise<void> | null = null
  private again = false

  constructor(
    private readonly kind: string,
    private readonly about: string | null,
    empty: Fields,
  ) {
    const known = begun(kind, about)
    this.id = known?.id ?? uuid7()
    this.resumed = known !== null
    this.fields = ref({ ...empty, ...known?.form }) as Ref<Fields>
    this.photos = shallowRef(known?.photos ?? [])
    this.touched = computed(() => this.photos.value.length > 0 || JSON.stringify(this.fields.value) !== JSON.stringify(empty))
  }

  /** Keep the form as it is now: the phone may throw the page away at the next moment. */
  changed = (): void => {
    this.again = this.saving !== null
    this.saving ??= this.save().finally(() => {
      this.saving = null
      if (this.again) this.changed()
    })
  }

  /** Keep what the camera gave; each with where and when it was taken. */
  addPhotos = async (files: Iterable<File>, role: DraftPhoto['role']): Promise<void> => {
    const [at, fix] = [new Date().toISOString(), fixNow()]
    for (const file of files) {
      if (this.photos.value.length >= MAX_PHOTOS) return
      this.adding.value += 1
      try {
        await this.addOne(file, { role, at, fix })
      } finally {
        this.adding.value -= 1
      }
    }
  }

  removePhoto = async (sha256: string): Promise<void> => {
    this.photos.value = this.photos.value.filter((photo) => photo.sha256 !== sha256)
    await this.save()
  }

  /** Write the form into the log. A second tap does nothing. */
  async submit(as: Kind, body: Record<string, unknown>): Promise<boolean> {
    if (this.busy.value || this.adding.value > 0 || this.over) return false
    this.busy.value = true
    try {
      await this.saving
      await this.save() // the photos to send are those that are kept with it
      await writeForm({ id: this.id, kind: as, body })
      this.over = true
      return true
    } finally {
      this.busy.value = false
    }
  }

  /** Throw the form away. */
  async discard(): Promise<void> {
    this.over = true
    await this.saving
    if (person.value) await dropDraft(person.value.id, this.id)
    await reload()
  }

  private async addOne(file: File, taken: Omit<DraftPhoto, 'sha256'>): Promise<void> {
    const { bytes, type } = await shrink(file)
    const sha256 = await sha256Of(bytes)
    if (this.over || this.photos.value.some((photo) => photo.sha256 === sha256)) return
    // Kept first, shown then: on a full phone nothing is shown that is not there
    await keepPhoto({ ...this.row(), photos: [...this.photos.value, { sha256, ...taken }] }, sha256, type, bytes)
    this.photos.value = [...this.photos.value, { sha256, ...taken }]
    this.changed()
    void navigator.storage?.persist?.() // a hint to the browser; nothing relies on it
  }

  private async save(): Promise<void> {
    if (!this.over && person.value) await keepDraft(this.row())
  }

  private row(): DraftRow {
    return {
      ...{ id: this.id, user: person.value?.id ?? '', kind: this.kind, about: this.about },
      form: JSON.parse(JSON.stringify(this.fields.value)) as Record<string, unknown>,
      photos: this.photos.value,
      updated_at: new Date().toISOString(),
    }
  }
}

/** Opens the form of *kind* about a case, or takes it up where it was left. `empty` is what it starts with. */
export function useForm<Fields extends Record<string, unknown>>(kind: string, about: string | null, empty: Fields): CaseForm<Fields> {
  const form = new CaseForm(kind, about, empty)
  watch(form.fields, form.changed, { deep: true })
  onBeforeUnmount(() => void reload()) // the lists say where a form was begun
  return form
}

export { PhotoTooLarge, PhotoUnreadable }
