/**
 * The phone's position: watched on duty and on screen only, and recorded by one tab. A browser gives no
 * positions in the background; the recorder labels such stretches.
 */
import { computed, ref, shallowRef, watch } from 'vue'

import type { Fix } from '@/core/proof'
import { Recorder } from '@/core/recorder'

import { TICK_MS, now } from './clock'
import { gpsStateOf, type GpsState } from './gpsState'
import { sayError } from './notice'
import { person, seen, wroteElsewhere } from './store'

const ASK_AFTER_MS = 15_000 // some phones report only movement: ask them where a resting person is
const OPTIONS: PositionOptions = { enableHighAccuracy: true, maximumAge: 0, timeout: 20_000 }

/** The newest position, or null where none came since the watch began. */
export const position = shallowRef<Fix | null>(null)

/** True while this tab writes the track. */
export const recording = ref(false)

const watchedSince = ref<number | null>(null)
const failure = ref<'denied' | 'lost' | null>(null)

export const onDuty = computed(() => seen.value.shift !== null)

export const gpsState = computed<GpsState>(() => {
  const supported = 'geolocation' in navigator
  const watch = { supported, since: watchedSince.value, failure: failure.value, fix: position.value }
  return gpsStateOf(watch, now.value, TICK_MS)
})

let watchId: number | null = null
let recorder: Recorder | null = null
let opened: string | null = null // the shift whose track this page has opened
let releaseLock: (() => void) | null = null
let wantLock: AbortController | null = null

function fixOf(raw: GeolocationPosition): Fix {
  const { latitude, longitude, accuracy, speed, heading } = raw.coords
  const fix: Fix = {
    at: new Date(raw.timestamp).toISOString(),
    lat: latitude,
    lon: longitude,
    acc: Math.min(accuracy, 100_000),
    datum: 'wgs84',
    src: 'gnss',
  }
  if (speed !== null && Number.isFinite(speed) && speed >= 0 && speed <= 1000) fix.speed = speed
  if (heading !== null && Number.isFinite(heading) && heading >= 0 && heading <= 360) fix.heading = heading
  return fix
}

function startWatch(): void {
  if (watchId !== null || !('geolocation' in navigator)) return
  failure.value = null
  watchedSince.value = Date.now()
  watchId = navigator.geolocation.watchPosition(onPosition, onFailure, OPTIONS)
}

/** One position for one act, asked for by a tap of the person off duty; null where there is none. */
export function askOnce(): Promise<Fix | null> {
  if (!('geolocation' in navigator)) return Promise.resolve(null)
  return new Promise((resolve) => {
    navigator.geolocation.getCurrentPosition(
      (raw) => resolve(fixOf(raw)),
      () => resolve(null),
      OPTIONS,
    )
  })
}

/** A watch may be silent while nothing moves; a rest is not a gap. */
function askWhereSilent(): void {
  if (watchId === null || document.visibilityState !== 'visible') return
  const last = position.value ? Date.parse(position.value.at) : 0
  if (Date.now() - last >= ASK_AFTER_MS) navigator.geolocation.getCurrentPosition(onPosition, onFailure, OPTIONS)
}

function stopWatch(): void {
  if (watchId !== null) navigator.geolocation.clearWatch(watchId)
  watchId = null
  watchedSince.value = null
  position.value = null
}

function onPosition(raw: GeolocationPosition): void {
  if (watchId === null) return // an answer that came after the end of the shift is not kept
  failure.value = null
  const fix = fixOf(raw)
  position.value = fix
  now.value = Date.now()
  happen({ type: 'fix', fix, now: Date.now() })
}

function onFailure(error: GeolocationPositionError): void {
  if (watchId === null) return
  const denied = error.code === error.PERMISSION_DENIED
  failure.value = denied ? 'denied' : 'lost'
  happen({ type: 'error', cause: denied ? 'permission' : 'no_signal', now: Date.now() })
}

function happen(event: Parameters<Recorder['happen']>[0]): void {
  if (recording.value && recorder) recorder.happen(event).catch(sayError)
}

/** One tab records: the visible one. The lock is given back when the page is hidden or the shift ends. */
function claim(): void {
  if (wantLock || !person.value) return
  const user = person.value.id
  wantLock = new AbortController()
  navigator.locks
    .request('ironfeet-track', { signal: wantLock.signal }, async () => {
      const released = new Promise<void>((resolve) => {
        releaseLock = resolve
      })
      await beginRecording(user)
      await released
    })
    .catch((error: unknown) => {
      if (!(error instanceof DOMException && error.name === 'AbortError')) sayError(error)
    })
}

function release(): void {
  recording.value = false
  releaseLock?.()
  releaseLock = null
  wantLock?.abort()
  wantLock = null
}

async function beginRecording(user: string): Promise<void> {
  const shift = seen.value.shift
  if (!shift || person.value?.id !== user) return
  recorder ??= new Recorder(user, wroteElsewhere)
  if (opened !== shift.id) {
    opened = shift.id
    await recorder.open(shift.id, currentRound(), Date.now())
  }
  recording.value = true
}

function currentRound(): string | null {
  return seen.value.rounds.find((round) => round.state === 'started')?.id ?? null
}

/** The shift is about to end: write the rest of the track before its end is written. */
export async function closeTrack(): Promise<void> {
  recording.value = false
  const user = person.value?.id
  if (user) await (recorder ?? new Recorder(user, wroteElsewhere)).close(Date.now())
  opened = null
}

/** Watch exactly while on duty and visible. */
function adjust(): void {
  if (onDuty.value && document.visibilityState === 'visible') {
    startWatch()
    claim()
  } else {
    happen({ type: 'hidden', now: Date.now() })
    stopWatch()
    release()
  }
}

/** Begin to follow the person's duty; called once. */
export function followDuty(): void {
  watch([onDuty, () => seen.value.shift?.id, person], (_new, [wasOnDuty]) => {
    if (!onDuty.value && wasOnDuty && opened) closeTrack().catch(sayError) // ended elsewhere or by the server
    if (!person.value) {
      recorder = null
      opened = null
    }
    adjust()
  })
  watch(
    () => currentRound(),
    (round) => happen({ type: 'round', round, now: Date.now() }),
  )
  document.addEventListener('visibilitychange', adjust)
  setInterval(askWhereSilent, TICK_MS)
  watchClock()
  adjust()
}

const JUMP_MS = 30_000

/** Notice when the phone's clock is set: it moves otherwise than the time since the page began. */
function watchClock(): void {
  let [wall, steady] = [Date.now(), performance.now()]
  let wasVisible = true
  setInterval(() => {
    const visible = document.visibilityState === 'visible'
    const [newWall, newSteady] = [Date.now(), performance.now()]
    const jump = newWall - wall - (newSteady - steady)
    // A sleeping phone may stop the steady clock, so only a stretch on screen counts, or a jump backwards
    if (jump < -JUMP_MS || (jump > JUMP_MS && visible && wasVisible)) happen({ type: 'clock_changed', now: newWall })
    else happen({ type: 'tick', now: newWall })
    ;[wall, steady, wasVisible] = [newWall, newSteady, visible]
  }, TICK_MS)
}
