/**
 * Decides when to flush. Nothing may depend on Background Sync, which Safari and Firefox lack: the pump
 * is kicked at the start, when the network comes back, when the page becomes visible, after each new
 * entry, and by its own timer.
 */
import { ApiProblem, Unreachable } from './http'
import { backoffMs, type Flushed } from './sync'

export interface PumpState {
  busy: boolean
  failures: number // in a row
  problem: string | null // slug of the last refusal of a whole request, "unreachable", or null
}

export interface PumpParts {
  flush: () => Promise<Flushed>
  changed: (state: PumpState) => void
  /** Called after a flush that sent something, or where the feed may have grown old. */
  drained: (sent: number) => void
  crashed: (error: unknown) => void
  random?: () => number
}

const IDLE_MS = 60_000 // look again even where everything seems sent
const GATHER_MS = 150 // entries of one tap travel together

export class Pump {
  private state: PumpState = { busy: false, failures: 0, problem: null }
  private timer: ReturnType<typeof setTimeout> | null = null
  private again = false
  private stopped = false

  constructor(private readonly parts: PumpParts) {}

  /** Something may be sendable now: forget how long we wanted to wait. */
  kick(): void {
    if (this.stopped) return
    if (this.state.busy) this.again = true
    else this.arm(GATHER_MS)
  }

  stop(): void {
    this.stopped = true
    if (this.timer) clearTimeout(this.timer)
  }

  /** Flush now and wait for the outcome. */
  async run(): Promise<void> {
    if (this.stopped || this.state.busy) return
    if (this.timer) clearTimeout(this.timer)
    this.become({ ...this.state, busy: true })
    const wait = await this.attempt()
    if (this.stopped) return
    this.arm(this.again ? GATHER_MS : wait)
    this.again = false
  }

  /** One flush; gives how long to wait before the next. */
  private async attempt(): Promise<number> {
    try {
      return this.judge(await this.parts.flush())
    } catch (error) {
      this.become({ busy: false, failures: this.state.failures + 1, problem: null })
      this.parts.crashed(error)
      return backoffMs(this.state.failures, null, this.random())
    }
  }

  private judge(flushed: Flushed): number {
    if (flushed.outcome === 'failed') {
      const { error } = flushed
      const failures = flushed.sent > 0 ? 1 : this.state.failures + 1
      const problem = error instanceof Unreachable ? 'unreachable' : error.slug
      this.become({ busy: false, failures, problem })
      if (flushed.sent > 0) this.parts.drained(flushed.sent)
      return backoffMs(failures, error instanceof ApiProblem ? error.retryAfterS : null, this.random())
    }
    this.become({ busy: false, failures: 0, problem: null })
    if (flushed.outcome === 'drained') this.parts.drained(flushed.sent)
    return IDLE_MS
  }

  private arm(wait: number): void {
    if (this.timer) clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.run(), wait)
  }

  private become(state: PumpState): void {
    this.state = state
    this.parts.changed(state)
  }

  private random(): number {
    return (this.parts.random ?? Math.random)()
  }
}
