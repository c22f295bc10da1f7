import { get, post, put, withQuery, type Query } from './http'
import type { CallDetail, CallResult, CallRow, Page, Waveform } from './types'

export interface CallFilter extends Query {
  from?: string
  to?: string
  direction?: string
  disposition?: string
  employee_id?: number
  customer_id?: number
  q?: string
  has_recording?: boolean
  sort?: string
  page?: number
  page_size?: number
}

export interface Dial {
  number: string
  customer_id?: number
  source?: 'customer' | 'manual'
}

/** Starts one outbound call. The key makes a repeated request the same call. */
export const dial = (what: Dial, key: string) =>
  post<{ call_id: string }>('/api/calls', what, { 'Idempotency-Key': key })
export const hangUp = (id: string) => post<void>(`/api/calls/${id}/hangup`)
export const listCalls = (filter: CallFilter, signal?: AbortSignal) =>
  get<Page<CallRow>>('/api/calls', filter, signal)
export const fetchCall = (id: string) => get<CallDetail>(`/api/calls/${id}`)
export const saveCallNote = (id: string, result: CallResult | null, note: string) =>
  put<CallRow>(`/api/calls/${id}/note`, { result, note })
export const fetchWaveform = (id: string) => get<Waveform>(`/api/calls/${id}/recording/waveform`)
export const recordingUrl = (id: string) => `/api/calls/${id}/recording`
export const exportUrl = (filter: CallFilter) =>
  withQuery('/api/calls/export.xlsx', { ...filter, page: undefined, page_size: undefined })

export type CallMove = 'hold' | 'resume' | 'cancel' | 'complete' | 'swap' | 'conference'
export type SuperviseMode = 'listen' | 'whisper' | 'barge' | 'take_over'
/** Exactly one of them; a group only for a transfer. */
export type Target = { number: string } | { employee_id: number } | { group_id: number }

export const moveCall = (id: string, move: CallMove) => post<{ call_id: string }>(`/api/calls/${id}/move`, { move })
export const consult = (id: string, target: Target) => post<{ call_id: string }>(`/api/calls/${id}/consult`, target)
export const transfer = (id: string, target: Target) => post<{ call_id: string }>(`/api/calls/${id}/transfer`, target)
export const dropLeg = (id: string, leg: string) =>
  post<{ call_id: string }>(`/api/calls/${id}/legs/${encodeURIComponent(leg)}/drop`)
export const supervise = (id: string, mode: SuperviseMode) =>
  post<{ call_id: string }>(`/api/calls/${id}/supervise`, { mode })
