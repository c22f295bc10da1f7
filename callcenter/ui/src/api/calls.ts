import { get, post, put, withQuery, type Query } from './http'
import type { CallMark } from './outcome'
import type { CallMode, LegOrder } from './seats'
import type { CallDetail, CallResult, CallRow, LiveAgent, Page, Waveform } from './types'

export interface CallFilter extends Query {
  from?: string
  to?: string
  direction?: string
  disposition?: string
  employee_id?: number
  customer_id?: number
  q?: string
  has_recording?: boolean
  mark?: string
  bad_quality?: boolean
  missed?: boolean
  valid?: boolean
  sort?: string
  page?: number
  page_size?: number
}

/** What is called: a number, or a number of a dial task by its id. */
export type Dialled = { number: string } | { task_number_id: number }

export type Dial = Dialled & {
  customer_id?: number
  source?: 'customer' | 'manual'
  /** Left out: as the seat says. */
  mode?: CallMode
  leg_order?: LegOrder
}

/** Starts one outbound call. The key makes a repeated request the same call. */
export const dial = (what: Dial, key: string) =>
  post<{ call_id: string; hint?: 'number_leaving' }>('/api/calls', what, { 'Idempotency-Key': key })
export const hangUp = (id: string) => post<void>(`/api/calls/${id}/hangup`)
export const listCalls = (filter: CallFilter, signal?: AbortSignal) =>
  get<Page<CallRow>>('/api/calls', filter, signal)
export async function fetchCall(id: string): Promise<CallDetail> {
  const { call, ...more } = await get<{ call: CallRow } & Omit<CallDetail, keyof CallRow>>(`/api/calls/${id}`)
  return { ...call, ...more }
}
export const saveCallNote = (id: string, result: CallResult | null, note: string) =>
  put<CallRow>(`/api/calls/${id}/note`, { result, note })
export const fetchWaveform = (id: string) => get<Waveform>(`/api/calls/${id}/recording/waveform`)
export const recordingUrl = (id: string, consult?: number) => withQuery(`/api/calls/${id}/recording`, { consult })
/** Takes no mark away: null does. */
export const markCall = (id: string, mark: CallMark | null) => put<CallRow>(`/api/calls/${id}/mark`, { mark })
export const muteCall = (id: string, on: boolean) => post<{ call_id: string }>(`/api/calls/${id}/mute`, { on })
export const sendDigits = (id: string, digits: string) => post<{ call_id: string }>(`/api/calls/${id}/dtmf`, { digits })
/** Asks for a running call back on this page, which was loaded anew. */
export const rejoinCall = (id: string) => post<{ call_id: string }>(`/api/calls/${id}/rejoin`)

export interface Measured {
  loss: number
  jitter_ms: number
  round_trip_ms: number | null
  worst_mos: number
}

export const reportQuality = (id: string, measured: Measured) => post<{ mos: number }>(`/api/calls/${id}/quality`, measured)
export const exportUrl = (filter: CallFilter) =>
  withQuery('/api/calls/export.xlsx', { ...filter, page: undefined, page_size: undefined })

export type CallMove = 'hold' | 'resume' | 'cancel' | 'complete' | 'swap' | 'conference'
export type SuperviseMode = 'listen' | 'whisper' | 'barge' | 'take_over'
/** A colleague's phone: can be rung now, is in a call, or is not registered. */
export type Reach = 'free' | 'busy' | 'away'
export interface Colleague {
  id: number
  name: string
  /** The seat's code, which can be typed as well; empty without a seat. */
  extension: string
  reach: Reach
  state: LiveAgent['state']
  reason: LiveAgent['reason']
}
export interface TargetGroup {
  id: number
  name: string
  ready: number
}

/** Whom a call can be passed to; `q` is a part of a name or the beginning of an extension. */
export const transferTargets = (q: string, signal?: AbortSignal) =>
  get<{ people: Colleague[]; groups: TargetGroup[] }>('/api/transfer-targets', { q }, signal)

/** Exactly one of them; a group only for a transfer. A number may be the extension of a colleague. */
export type Target = { number: string } | { employee_id: number } | { group_id: number }

export const moveCall = (id: string, move: CallMove) => post<{ call_id: string }>(`/api/calls/${id}/move`, { move })
export const consult = (id: string, target: Target) => post<{ call_id: string }>(`/api/calls/${id}/consult`, target)
export const transfer = (id: string, target: Target) => post<{ call_id: string }>(`/api/calls/${id}/transfer`, target)
export const dropLeg = (id: string, leg: string) =>
  post<{ call_id: string }>(`/api/calls/${id}/legs/${encodeURIComponent(leg)}/drop`)
export const supervise = (id: string, mode: SuperviseMode) =>
  post<{ call_id: string }>(`/api/calls/${id}/supervise`, { mode })
