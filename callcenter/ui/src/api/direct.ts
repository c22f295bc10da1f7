/** Direct-dial numbers (直拨号): applied for, dispatched, assigned, activated, bound, left. */
import { get, post, withQuery, type Query } from './http'
import type { Page, Ref } from './types'

export type DirectState = 'dispatched' | 'assigned' | 'activated' | 'bound' | 'leaving' | 'retired'
export const DIRECT_STATES: DirectState[] = ['dispatched', 'assigned', 'activated', 'bound', 'leaving', 'retired']

export interface DirectNumber {
  id: number
  number: string
  display: string
  region: string
  state: DirectState
  employee: Ref | null
  iccid: string
  seat: { id: number; code: string } | null
  monthly_fee: number
  dispatched_at: string | null
  activated_at: string | null
  leaves_at: string | null
  hint: 'leaving' | 'leave_reviewing' | null
}

export interface NumberApplication {
  id: number
  quantity: number
  dispatched: number
  region: string
  fee: number
  frozen: number
  state: 'pending' | 'dispatched' | 'refused'
  answer: string
  applicant: Ref | string | null
  created_at: string
  company?: Ref
}

export interface NumberLogRow {
  what: string
  employee: Ref | null
  actor: Ref | null
  note: string
  at: string
}

export interface NumberFee {
  id: number
  number: string
  display?: string
  month: string
  amount: number
  at: string
  applied_at: string | null
  applicant: Ref | string | null
  dispatched_at: string | null
}

const rows = async <T>(answer: Promise<T[] | Page<T>>): Promise<T[]> => {
  const value = await answer
  return Array.isArray(value) ? value : value.items
}

export const listDirectNumbers = (query: Query, signal?: AbortSignal) => get<Page<DirectNumber>>('/api/direct-numbers', query, signal)
export const listMyNumbers = () => rows(get<DirectNumber[] | Page<DirectNumber>>('/api/my/direct-numbers'))
export const listApplications = () => rows(get<NumberApplication[] | Page<NumberApplication>>('/api/number-applications'))
export const applyForNumbers = (quantity: number, region: string, key: Record<string, string>) =>
  post<NumberApplication>('/api/number-applications', { quantity, region }, key)
export const assignNumbers = (ids: number[], employee_id: number) => post<unknown>('/api/direct-numbers/assign', { ids, employee_id })
export const activateNumber = (id: number, identity: string) => post<DirectNumber>(`/api/direct-numbers/${id}/activate`, identity ? { identity } : {})
export const bindNumber = (id: number, seat_id: number) => post<DirectNumber>(`/api/direct-numbers/${id}/bind`, { seat_id })
export const unbindNumber = (id: number) => post<DirectNumber>(`/api/direct-numbers/${id}/unbind`)
export const leaveNumber = (id: number, reason: string) => post<DirectNumber>(`/api/direct-numbers/${id}/leave`, { reason })
export const fetchNumberLog = (id: number) => rows(get<NumberLogRow[] | Page<NumberLogRow>>(`/api/direct-numbers/${id}/log`))

export const listNumberFees = (query: Query, signal?: AbortSignal) =>
  get<Page<NumberFee> & { total_amount: number }>('/api/number-fees', query, signal)
export const numberFeesUrl = (query: Query) => withQuery('/api/number-fees/export', query)
