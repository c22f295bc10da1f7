/** One way to talk to the server, one error type for everything that can go wrong. */

export interface Words {
  zh: string
  en: string
}

const OFFLINE: Words = {
  zh: '无法连接服务器，请检查网络后重试。',
  en: 'The server cannot be reached. Check your network and try again.',
}
const UNREADABLE: Words = {
  zh: '服务器返回了无法识别的内容，请稍后重试。',
  en: 'The server answered with something unreadable. Try again shortly.',
}

export class ApiError extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly words: Words,
    readonly details: Record<string, unknown> = {},
    readonly requestId: string | null = null,
  ) {
    super(`${code}: ${words.en}`)
    this.name = 'ApiError'
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>

export interface Options {
  query?: Query
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
}

let signedOut: () => void = () => undefined

/** Called once by the app: what happens when the server says the session is over. */
export function onSignedOut(handler: () => void): void {
  signedOut = handler
}

export function withQuery(path: string, query: Query = {}): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') params.set(key, String(value))
  }
  const text = params.toString()
  return text ? `${path}?${text}` : path
}

async function readError(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as {
      error?: { code?: string; message?: Words; details?: Record<string, unknown>; request_id?: string }
    }
    const error = body.error
    if (error?.code && error.message) {
      return new ApiError(error.code, response.status, error.message, error.details ?? {}, error.request_id ?? null)
    }
  } catch {
    // The body is not ours (a proxy's page, an empty answer): fall through to the general words.
  }
  return new ApiError('unreadable', response.status, UNREADABLE)
}

/** One request; whatever goes wrong is an `ApiError`, except that a request that was given up says so itself. */
export async function request(method: string, path: string, options: Options = {}): Promise<unknown> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers }
  const init: RequestInit = { method, headers, credentials: 'same-origin' }
  if (options.signal) init.signal = options.signal
  if (options.body instanceof FormData || options.body instanceof Blob) init.body = options.body
  else if (options.body !== undefined) {
    headers['Content-Type'] = 'application/json'
    init.body = JSON.stringify(options.body)
  }
  let response: Response
  try {
    response = await fetch(withQuery(path, options.query), init)
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiError('offline', 0, OFFLINE)
  }
  if (!response.ok) {
    const error = await readError(response)
    if (error.code === 'not_signed_in') signedOut()
    throw error
  }
  if (response.status === 204) return undefined
  const text = await response.text()
  if (!text) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new ApiError('unreadable', response.status, UNREADABLE)
  }
}

/** Fields and files as one form; empty fields are left out. */
export function formOf(fields: Record<string, string | number | boolean | File | null | undefined>): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === undefined || value === '') continue
    form.append(name, value instanceof File ? value : String(value))
  }
  return form
}
