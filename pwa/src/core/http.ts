/**
 * One HTTP exchange with the API: JSON out, JSON or a problem document in. Knows no session.
 */

/** An error the server answered with; `slug` is the stable part of its `type` and decides everything. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly slug: string,
    readonly detail: string,
    readonly errors: unknown = null,
    readonly retryAfterS: number | null = null,
  ) {
    super(`${status} ${slug}${detail ? `: ${detail}` : ''}`)
    this.name = 'ApiProblem'
  }
}

/** No answer came: no network, a time-out, or something in between that is not our server. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super('the server cannot be reached', { cause })
    this.name = 'Unreachable'
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>

export interface Request {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  query?: Query
  body?: unknown
  bytes?: Uint8Array<ArrayBuffer> // instead of a body; the type of it goes into the headers
  headers?: Record<string, string>
  timeoutMs?: number
  signal?: AbortSignal
}

/** An answer with the tag that tells whether it has changed. */
export interface Tagged<T> {
  body: T
  etag: string | null
}

export type Fetch = (input: string, init: RequestInit) => Promise<Response>

export const API_BASE = '/api/v1'
const TIMEOUT_MS = 20_000

/** Send *request*; resolves with the successful response, whose body has not been read. */
export async function exchange(request: Request, fetcher: Fetch = fetch): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json', ...request.headers }
  const init: RequestInit = { method: request.method, headers, credentials: 'same-origin', cache: 'no-store' }
  if (request.body !== undefined) {
    headers['Content-Type'] = 'application/json'
    init.body = JSON.stringify(request.body)
  }
  if (request.bytes !== undefined) init.body = request.bytes
  const timeout = AbortSignal.timeout(request.timeoutMs ?? TIMEOUT_MS)
  init.signal = request.signal ? either(request.signal, timeout) : timeout
  let response: Response
  try {
    response = await fetcher(API_BASE + request.path + queryText(request.query), init)
  } catch (cause) {
    throw new Unreachable(cause)
  }
  const unchanged = response.status === 304 && 'If-None-Match' in headers
  if (response.ok || unchanged) return response
  throw await problemOf(response)
}

/** Aborted as soon as one of both is. `AbortSignal.any` is younger than the phones that we serve. */
function either(...signals: AbortSignal[]): AbortSignal {
  const both = new AbortController()
  for (const signal of signals) {
    if (signal.aborted) both.abort(signal.reason)
    // The time-out always comes, so that nothing is left hanging on a signal that lives longer
    else signal.addEventListener('abort', () => both.abort(signal.reason), { signal: both.signal })
  }
  return both.signal
}

/** The JSON body of *response*, or null where it has none. */
export async function bodyOf<T>(response: Response): Promise<T> {
  let text: string
  try {
    text = await response.text()
  } catch (cause) {
    throw new Unreachable(cause) // the line broke in the middle of the body
  }
  if (text === '') return null as T
  try {
    return JSON.parse(text) as T
  } catch (cause) {
    throw new Unreachable(cause) // a captive portal's page, not our server
  }
}

function queryText(query: Query | undefined): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined) parameters.set(name, String(value))
  }
  const text = parameters.toString()
  return text ? `?${text}` : ''
}

interface ProblemDocument {
  type?: string
  detail?: string
  errors?: unknown
}

async function problemOf(response: Response): Promise<ApiProblem | Unreachable> {
  const isProblem = (response.headers.get('Content-Type') ?? '').startsWith('application/problem+json')
  if (!isProblem) {
    // Not our server's words: a gateway without a backend, a login page of the network
    return response.status >= 500 || response.status === 0
      ? new Unreachable(new Error(`status ${response.status}`))
      : new ApiProblem(response.status, 'bad-request', '')
  }
  const document = await bodyOf<ProblemDocument>(response)
  const slug = (document.type ?? '').replace(/^.*\/problems\//, '') || 'server-error'
  const retryAfter = Number(response.headers.get('Retry-After') ?? Number.NaN)
  return new ApiProblem(
    response.status,
    slug,
    document.detail ?? '',
    document.errors ?? null,
    Number.isFinite(retryAfter) ? retryAfter : null,
  )
}
