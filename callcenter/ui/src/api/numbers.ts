import { ApiError, get } from './http'

export interface NumberRead {
  number: string
  display: string
  extension: string
  /** What to dial, its extension included. */
  dial: string
}

/** The telephone number that a text is or holds, by the server's rules; null when it is none. */
export async function readNumber(typed: string, signal?: AbortSignal): Promise<NumberRead | null> {
  try {
    return await get<NumberRead>('/api/number', { typed: typed.slice(0, 300) }, signal)
  } catch (error) {
    if (error instanceof ApiError || signal?.aborted) return null
    throw error
  }
}
