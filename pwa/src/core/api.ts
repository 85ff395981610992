/** Calls to the API as the signed-in person. */
import type { Answer, Body, Path, Query } from './contract'
import { ApiProblem, bodyOf, exchange, type Fetch, type Request, type Tagged, Unreachable } from './http'
import type { Session } from './session'

export class Api {
  constructor(
    private readonly session: Pick<Session, 'bearer' | 'dropToken' | 'signal'>,
    private readonly fetcher?: Fetch,
  ) {}

  get<P extends Path<'get'>>(path: P, query?: Query<P>): Promise<Answer<'get', P>> {
    return this.json({ method: 'GET', path, query })
  }

  post<P extends Path<'post'>>(path: P, body: Body<'post', P>, timeoutMs?: number): Promise<Answer<'post', P>> {
    return this.json({ method: 'POST', path, body, timeoutMs })
  }

  put<P extends Path<'put'>>(path: P, body: Body<'put', P>): Promise<Answer<'put', P>> {
    return this.json({ method: 'PUT', path, body })
  }

  delete<P extends Path<'delete'>>(path: P): Promise<Answer<'delete', P>> {
    return this.json({ method: 'DELETE', path })
  }

  /** A file, for example a PDF. */
  async file<P extends Path<'post'>>(path: P, body: Body<'post', P>, accept: string): Promise<Blob> {
    const response = await this.send({ method: 'POST', path, body, headers: { Accept: accept }, timeoutMs: 60_000 })
    return response.blob()
  }

  /** A file that is only read, for example a photo or an export. */
  async download<P extends Path<'get'>>(path: P, query: Query<P>, accept: string): Promise<Blob> {
    const response = await this.send({ method: 'GET', path, query, headers: { Accept: accept }, timeoutMs: 60_000 })
    return response.blob()
  }

  /** What changes rarely; null where it is still what *etag* says. */
  async getChanged<P extends Path<'get'>>(path: P, etag: string | null): Promise<Tagged<Answer<'get', P>> | null> {
    const response = await this.send({ method: 'GET', path, headers: etag ? { 'If-None-Match': etag } : {} })
    if (response.status === 304) return null
    return { body: await bodyOf<Answer<'get', P>>(response), etag: response.headers.get('ETag') }
  }

  /** Send a part of a file. */
  async sendBytes<T>(path: string, bytes: Uint8Array<ArrayBuffer>, headers: Record<string, string>): Promise<T> {
    return this.json({ method: 'PUT', path, bytes, headers, timeoutMs: 60_000 })
  }

  private async json<T>(request: Request): Promise<T> {
    return bodyOf<T>(await this.send(request))
  }

  /** Send with a token; once more with a fresh one where the server says the token has expired. */
  private async send(request: Request): Promise<Response> {
    try {
      return await this.sendOnce(request)
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.status !== 401) throw error
      this.session.dropToken()
      return this.sendOnce(request)
    }
  }

  private async sendOnce(request: Request): Promise<Response> {
    const token = await this.session.bearer()
    const headers = { ...request.headers, Authorization: `Bearer ${token}` }
    const { signal } = this.session
    try {
      return await exchange({ ...request, headers, signal }, this.fetcher)
    } catch (error) {
      // The network is not to blame where the person has left
      if (error instanceof Unreachable && signal.aborted) throw new ApiProblem(401, 'not-signed-in', '')
      throw error
    }
  }
}

/** What anybody may read, such as the settings. */
export async function readPublic<P extends Path<'get'>>(path: P, fetcher?: Fetch): Promise<Answer<'get', P>> {
  return bodyOf(await exchange({ method: 'GET', path }, fetcher))
}
