import { api, ApiError, type NumberRead } from '@/kit/api'

/** The telephone number that a text is or holds, by the server's rules; null when it is none. */
export async function readNumber(typed: string, signal?: AbortSignal): Promise<NumberRead | null> {
  try {
    return await api('GET /api/number', { query: { typed: typed.slice(0, 300) }, ...(signal ? { signal } : {}) })
  } catch (error) {
    if (error instanceof ApiError || signal?.aborted) return null
    throw error
  }
}
