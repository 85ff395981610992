/** Calls to the API as the signed-in person. */
import { ApiProblem, bodyOf, exchange, type Fetch, type Query, type Request } from './http'
import type { Session } from './session'

export class Api {
  constructor(
    private readonly session: Pick<Session, 'bearer' | 'dropToken'>,
    private readonly fetcher?: Fetch,
  ) {}

  get<T>(path: string, query?: Query): Promise<T> {
    return this.json<T>({ method: 'GET', path, query })
  }

  post<T>(path: string, body: unknown, timeoutMs?: number): Promise<T> {
    return this.json<T>({ method: 'POST', path, body, timeoutMs })
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.json<T>({ method: 'PUT', path, body })
  }

  delete(path: string): Promise<null> {
    return this.json<null>({ method: 'DELETE', path })
  }

  /** A file, for example a PDF. */
  async file(path: string, body: unknown, accept: string): Promise<Blob> {
    const response = await this.send({ method: 'POST', path, body, headers: { Accept: accept }, timeoutMs: 60_000 })
    return response.blob()
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
    return exchange({ ...request, headers }, this.fetcher)
  }
}

/** What anybody may read, such as the settings. */
export async function readPublic<T>(path: string, fetcher?: Fetch): Promise<T> {
  return bodyOf<T>(await exchange({ method: 'GET', path }, fetcher))
}
