/**
 * Runs the track's state machine over storage: the state is kept before its entries are written, and the
 * entries carry their ids, so that a page killed in between loses nothing and writes nothing twice.
 */
import { readMeta, removeMeta, writeMeta } from './db'
import { uuid7 } from './ids'
import { append } from './log'
import { beginTrack, step, written, type TrackEvent, type TrackState } from './track'

export class Recorder {
  private queue: Promise<void> = Promise.resolve()

  constructor(
    private readonly user: string,
    private readonly wrote: () => void,
  ) {}

  /** Begin or take up again the track of *shift*. */
  open(shift: string, round: string | null, now: number): Promise<void> {
    return this.enqueue(async () => {
      const kept = await this.read()
      if (kept && kept.shift !== shift) await this.finish(kept, now)
      if (kept?.shift === shift) {
        const restarted = step(kept, { type: 'restarted', now }, uuid7)
        await this.write(step(restarted, { type: 'round', round, now }, uuid7))
      } else {
        await this.write(beginTrack(shift, round, now))
      }
    })
  }

  /** Something happened. Without an open track nothing is recorded. */
  happen(event: TrackEvent): Promise<void> {
    return this.enqueue(async () => {
      const state = await this.read()
      if (!state) return
      const next = step(state, event, uuid7)
      if (next !== state || next.pending.length > 0) await this.write(next)
    })
  }

  /** The shift is over: write what is left and forget the track. */
  close(now: number): Promise<void> {
    return this.enqueue(async () => {
      const state = await this.read()
      if (state) await this.finish(state, now)
    })
  }

  private async finish(state: TrackState, now: number): Promise<void> {
    await this.write(step(state, { type: 'stop', now }, uuid7))
    await removeMeta(this.key)
  }

  private async write(state: TrackState): Promise<void> {
    await writeMeta(this.key, state)
    if (state.pending.length === 0) return
    for (const entry of state.pending) await append(this.user, entry)
    await writeMeta(this.key, written(state))
    this.wrote()
  }

  private read(): Promise<TrackState | null> {
    return readMeta<TrackState>(this.key)
  }

  private get key(): string {
    return `track:${this.user}`
  }

  /** One event at a time, in order; an event that failed (a full device) does not stop the next. */
  private enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.queue.then(work)
    this.queue = done.catch(() => undefined) // the caller gets the error
    return done
  }
}
