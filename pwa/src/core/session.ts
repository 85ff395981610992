/**
 * Who is signed in. The refresh token is an HttpOnly cookie that all tabs share; the access token lives
 * in this tab's memory only. A person known from before may go on working without network.
 */
import { ApiProblem, Unreachable, bodyOf, exchange, type Fetch } from './http'
import type { SessionAnswer, User } from './types'

export type SessionState =
  | { kind: 'starting' }
  | { kind: 'signed_out'; because: 'never' | 'left' | 'ended' }
  | { kind: 'online'; user: User }
  | { kind: 'offline'; user: User } // known from last time; nobody has asked the server yet
  | { kind: 'switched'; user: User; other: User } // another tab signed in as somebody else

/** What the session keeps on the device: the last person, never a token or a password. */
export interface SessionMemory {
  read(): Promise<User | null>
  write(user: User | null): Promise<void>
}

/** Runs *work* alone among all tabs of this browser. */
export type Exclusive = <T>(name: string, work: () => Promise<T>) => Promise<T>

export interface SessionParts {
  memory: SessionMemory
  exclusive: Exclusive
  readCsrf: () => string | null
  dropCsrf: () => void
  channel: Pick<BroadcastChannel, 'postMessage'> & { onmessage: ((event: MessageEvent) => void) | null }
  fetcher?: Fetch
  now?: () => number // milliseconds
}

interface Token {
  text: string
  expiresAt: number
}

const REFRESH_EARLY_MS = 60_000

export class Session {
  private current: SessionState = { kind: 'starting' }
  private token: Token | null = null
  private refreshing: Promise<void> | null = null
  private leaving = false
  private stay = new AbortController()
  private readonly listeners = new Set<(state: SessionState) => void>()
  private readonly now: () => number

  constructor(private readonly parts: SessionParts) {
    this.now = parts.now ?? Date.now
    parts.channel.onmessage = (event: MessageEvent) => void this.heard(event.data as Announcement)
  }

  get state(): SessionState {
    return this.current
  }

  /** The person whose things this tab shows, or null. */
  get user(): User | null {
    return 'user' in this.current ? this.current.user : null
  }

  /** Aborted when this person leaves: what is still asked for them needs no answer. */
  get signal(): AbortSignal {
    return this.stay.signal
  }

  /** Call *listener* now and at every change; returns how to stop. */
  subscribe(listener: (state: SessionState) => void): () => void {
    this.listeners.add(listener)
    listener(this.current)
    return () => this.listeners.delete(listener)
  }

  /** Find out who is signed in: first from memory, so that it works offline, then from the server. */
  async start(): Promise<void> {
    const known = await this.parts.memory.read()
    if (!known) {
      if (this.parts.readCsrf() === null) return this.become({ kind: 'signed_out', because: 'never' })
    } else {
      this.become({ kind: 'offline', user: known })
    }
    try {
      await this.refresh()
    } catch (error) {
      if (!(error instanceof Unreachable) && !(error instanceof ApiProblem)) throw error
      if (this.current.kind === 'starting') this.become({ kind: 'signed_out', because: 'never' })
    }
  }

  /** Sign in; throws ApiProblem (wrong-credentials, account-locked …) or Unreachable. */
  async signIn(username: string, password: string): Promise<User> {
    const response = await this.ask('POST', '/sessions', { body: { username, password } })
    const answer = await bodyOf<SessionAnswer>(response)
    this.current = { kind: 'starting' } // whoever was shown: this person has just said who they are
    await this.accept(answer)
    this.announce({ kind: 'signed_in', userId: answer.user.id })
    return answer.user
  }

  /** End this session (or all sessions of the person) and forget who was signed in. Logs stay. */
  async signOut(everywhere = false): Promise<void> {
    const token = await this.bearer()
    this.leaving = true // what others ask from here on would be refused, and say that the session has ended
    this.cut()
    try {
      await this.ask('DELETE', everywhere ? '/sessions' : '/sessions/current', {
        headers: { Authorization: `Bearer ${token}` },
      })
      await this.leave('left')
    } finally {
      this.leaving = false
    }
    this.announce({ kind: 'signed_out' })
  }

  /**
   * Forget who is signed in on this device without asking the server: for signing out offline. Without
   * the CSRF cookie the refresh cookie, which no script can remove, signs nobody in. The server's session
   * lives on until it is ended or expires.
   */
  async forget(): Promise<void> {
    this.parts.dropCsrf()
    await this.leave('left')
    this.announce({ kind: 'signed_out' })
  }

  /** After a switch: the next start of this tab is the other person's. */
  async yield(): Promise<void> {
    if (this.current.kind === 'switched') await this.parts.memory.write(this.current.other)
  }

  /** An access token that is good for the next minute; refreshes where needed. */
  async bearer(): Promise<string> {
    if (this.leaving) throw new ApiProblem(401, 'not-signed-in', '')
    if (!this.token || this.token.expiresAt - REFRESH_EARLY_MS < this.now()) await this.refresh()
    if (!this.token) throw new ApiProblem(401, 'not-signed-in', '')
    return this.token.text
  }

  /** The server said that the token has expired or the session has ended: ask for a new one next time. */
  dropToken(): void {
    this.token = null
  }

  /** Get a new access token; one tab at a time, because the refresh token changes with each use. */
  async refresh(): Promise<void> {
    this.refreshing ??= this.parts
      .exclusive('ironfeet-refresh', () => this.refreshAlone())
      .finally(() => {
        this.refreshing = null
      })
    return this.refreshing
  }

  private async refreshAlone(): Promise<void> {
    if (this.current.kind === 'switched') throw new ApiProblem(401, 'not-signed-in', '')
    const csrf = this.parts.readCsrf()
    try {
      if (csrf === null) throw new ApiProblem(401, 'not-signed-in', '')
      const response = await this.ask('POST', '/sessions/refresh', { headers: { 'X-CSRF-Token': csrf } })
      await this.accept(await bodyOf<SessionAnswer>(response))
    } catch (error) {
      if (error instanceof ApiProblem && (error.status === 401 || error.slug === 'csrf')) await this.leave('ended')
      throw error
    }
  }

  private async accept(answer: SessionAnswer): Promise<void> {
    const shown = this.user
    if (shown && shown.id !== answer.user.id) {
      // The cookie belongs to another tab's person now; this tab must not act with it.
      this.token = null
      return this.become({ kind: 'switched', user: shown, other: answer.user })
    }
    this.token = { text: answer.access_token, expiresAt: this.now() + answer.expires_in * 1000 }
    await this.parts.memory.write(answer.user)
    this.become({ kind: 'online', user: answer.user })
  }

  private cut(): void {
    this.stay.abort()
    this.stay = new AbortController()
  }

  private async leave(because: 'left' | 'ended'): Promise<void> {
    this.token = null
    this.cut()
    await this.parts.memory.write(null)
    this.become({ kind: 'signed_out', because })
  }

  private async heard(message: Announcement): Promise<void> {
    if (message.kind === 'signed_out') {
      this.token = null
      this.cut()
      this.become({ kind: 'signed_out', because: 'left' })
      return
    }
    const shown = this.user
    if (shown?.id === message.userId) return
    const other = await this.parts.memory.read()
    if (!other) return
    this.token = null
    if (shown) this.become({ kind: 'switched', user: shown, other })
    else this.become({ kind: 'offline', user: other }) // the next request fetches a token of our own
  }

  private announce(message: Announcement): void {
    this.parts.channel.postMessage(message)
  }

  private ask(
    method: 'POST' | 'DELETE',
    path: string,
    rest: { body?: unknown; headers?: Record<string, string> },
  ): Promise<Response> {
    return exchange({ method, path, ...rest }, this.parts.fetcher)
  }

  private become(state: SessionState): void {
    this.current = state
    for (const listener of this.listeners) listener(state)
  }
}

type Announcement = { kind: 'signed_in'; userId: string } | { kind: 'signed_out' }
