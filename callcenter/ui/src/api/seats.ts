/** Seats, the numbers bound to them, and the ways in which a call is set up. */
import { get, patch, post, put, remove } from './http'
import type { Page } from './types'

export type CallMode = 'direct' | 'callback' | 'point' | 'call_through'
export type LegOrder = 'agent_first' | 'customer_first'
export const CALL_MODES: CallMode[] = ['direct', 'callback', 'point', 'call_through']

export interface SeatNumber {
  id: number
  number: string
  display: string
  kind: 'telecom' | 'direct'
  region: string
  state: string
}

export interface SeatBrief {
  id: number
  code: string
  mode: CallMode
  leg_order: LegOrder
  bound_phone: string
  bound_phone_display: string
  numbers: SeatNumber[]
}

/** What a call-through waits for. */
export interface Armed {
  access_number: string
  phone: string
  phone_display: string
  until: string
}

export type LineWord = 'closed' | 'opening' | 'open'

export const openLine = () => put<{ line: LineWord }>('/api/me/line', {})
export const closeLine = () => remove('/api/me/line')

export interface SeatRow extends SeatBrief {
  employee: { id: number; name: string } | null
}

export interface OutsideNumber {
  id: number
  number: string
  display: string
  kind: 'telecom' | 'direct'
  region: string
  state: 'active' | 'inactive'
  seat: { id: number; code: string; employee: string } | null
}

export interface SeatChange {
  code?: string
  employee_id?: number | null
  bound_phone?: string
  mode?: CallMode
  leg_order?: LegOrder
}

export const listSeats = (query: { q?: string; filter?: string; page?: number; page_size?: number } = {}) =>
  get<Page<SeatRow>>('/api/seats', { page_size: 200, ...query })
export const createSeats = (count: number) => post<SeatRow[]>('/api/seats', { count })
export const updateSeat = (id: number, change: SeatChange) => patch<SeatRow>(`/api/seats/${id}`, change)
export const deleteSeat = (id: number) => remove(`/api/seats/${id}`)

export const listOutsideNumbers = (query: { q?: string; kind?: string; filter?: string; page?: number; page_size?: number } = {}) =>
  get<Page<OutsideNumber>>('/api/outside-numbers', { page_size: 200, ...query })
export const addOutsideNumbers = (numbers: string[], kind: 'telecom' | 'direct') => post<unknown>('/api/outside-numbers', { numbers, kind })
export const updateOutsideNumber = (id: number, change: { seat_id?: number | null; state?: 'active' | 'inactive' }) =>
  patch<OutsideNumber>(`/api/outside-numbers/${id}`, change)
export const deleteOutsideNumber = (id: number) => remove(`/api/outside-numbers/${id}`)
export const bindNumbers = (pairs: { number: string; seat: string }[]) => post<{ bound: number }>('/api/outside-numbers/bindings', { pairs })
