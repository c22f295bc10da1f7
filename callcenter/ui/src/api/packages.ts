/** Voice packages after they were bought: who uses them, what they were used for, and the daily comparison. */
import { get, post, withQuery, type Query } from './http'
import type { Package, Page, Ref } from './types'

export interface PackageLogRow {
  what: string
  employee: Ref | null
  from_employee: Ref | null
  actor: Ref | null
  at: string
}

export interface Consumption {
  call_id: string
  leg_id: string | null
  at: string
  employee: Ref | null
  number: string
  number_display?: string
  package: Ref
  started_at: string
  caller_number: string
  caller_number_display: string
  duration_seconds: number
  minutes: number
}

export interface Consumptions extends Page<Consumption> {
  total_seconds: number
  total_minutes: number
}

export const assignPackage = (id: number, employee_ids: number[]) => post<Package>(`/api/packages/${id}/assign`, { employee_ids })
export const unassignPackage = (id: number, employee_id: number) => post<Package>(`/api/packages/${id}/unassign`, { employee_id })
export const handOverPackage = (id: number, from_employee_id: number, to_employee_id: number) =>
  post<Package>(`/api/packages/${id}/hand-over`, { from_employee_id, to_employee_id })
export const fetchPackageLog = async (id: number): Promise<PackageLogRow[]> => {
  const answer = await get<PackageLogRow[] | Page<PackageLogRow>>(`/api/packages/${id}/log`)
  return Array.isArray(answer) ? answer : answer.items
}

export const listConsumption = (query: Query, signal?: AbortSignal) => get<Consumptions>('/api/consumption', query, signal)
export const consumptionUrl = (query: Query) => withQuery('/api/consumption/export', query)

export interface ReconciledDay {
  day: string
  legs: number
  recorded_minutes: number
  charged_minutes: number
  drift: number
  flagged: number
}

export interface FlaggedLeg {
  call_id: string
  leg_id: string
  at: string | null
  number: string
  recorded_minutes: number
  charged_minutes: number
  why: string
}

export const listReconciliation = async (query: Query): Promise<ReconciledDay[]> =>
  (await get<{ items: ReconciledDay[] }>('/api/reconciliation', query)).items
/** Only the legs on which records and charges do not agree. */
export const fetchFlagged = async (day: string): Promise<FlaggedLeg[]> =>
  (await get<{ items: FlaggedLeg[] }>('/api/reconciliation/legs', { day })).items

export interface KeptPackage {
  id: number
  name: string
  why: string
}
export interface DeparturePlan {
  customers_unsigned: number
  customers_signed: number
  packages: Ref[]
  packages_kept: KeptPackage[]
  numbers: string[]
  /** Numbers of dial tasks that were not called yet. */
  numbers_undialled: number
  seat: string | null
  seat_free: boolean
}
export interface Departure {
  customers_moved: number
  customers_kept: number
  packages_moved: Ref[]
  not_moved: KeptPackage[]
  numbers_moved: number
  task_numbers_moved: number
  seat_moved: boolean
}

export const planDeparture = (id: number, to_employee_id: number | null) =>
  get<DeparturePlan>(`/api/employees/${id}/departure`, { to_employee_id: to_employee_id ?? undefined })
export const depart = (id: number, to_employee_id: number | null, hand_over_packages: boolean, hand_over_seat: boolean) =>
  post<Departure>(`/api/employees/${id}/depart`, { to_employee_id, hand_over_packages, hand_over_seat })
