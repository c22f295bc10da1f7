import { get, post, type Query } from './http'
import type { Page } from './types'

/** A number that a company says is its own, and what the operator answers. */
export interface NumberClaim {
  id: number
  company: { id: number; name: string }
  number: string
  display: string
  state: 'waiting' | 'confirmed' | 'refused'
  reason: string
  asked_by: string
  asked_at: string
  decided_at: string | null
}

export const listMyClaims = (query: Query) => get<Page<NumberClaim>>('/api/number-claims', query)
export const listClaims = (query: Query, signal?: AbortSignal) => get<Page<NumberClaim>>('/api/platform/number-claims', query, signal)
export const confirmClaim = (id: number) => post<NumberClaim>(`/api/platform/number-claims/${id}/confirm`)
export const refuseClaim = (id: number, reason: string) => post<NumberClaim>(`/api/platform/number-claims/${id}/refuse`, { reason })
