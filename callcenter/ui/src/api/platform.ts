/** What the operator of the platform does for every company. Money is in fen. */
import type { NumberApplication, DirectNumber } from './direct'
import { formOf, get, patch, post, put, type Query } from './http'
import type { Invoice } from './invoices'
import type { Offering } from './orders'
import type { Page, Ref } from './types'
import type { BankAccount, PointPack, Recharge } from './wallet'

const rows = async <T>(answer: Promise<T[] | Page<T>>): Promise<T[]> => {
  const value = await answer
  return Array.isArray(value) ? value : value.items
}

/** A small list that the server may send whole or paged. */
const paged = async <T>(answer: Promise<T[] | Page<T>>): Promise<Page<T>> => {
  const value = await answer
  return Array.isArray(value) ? { items: value, total: value.length, page: 1, page_size: value.length || 20 } : value
}

export type OfferingInput = Omit<Offering, 'id'>
export const listCatalogue = () => rows(get<Offering[] | Page<Offering>>('/api/platform/offerings'))
export const createOffering = (input: OfferingInput) => post<Offering>('/api/platform/offerings', input)
export const changeOffering = (id: number, change: Partial<OfferingInput>) => patch<Offering>(`/api/platform/offerings/${id}`, change)

export interface Coupon {
  id: number
  code: string
  company: Ref | null
  amount: number
  reason: string
  expires_at: string | null
  used: { order_number: string; at: string } | null
}
export interface CouponInput {
  company_id: number | null
  amount: number
  reason: string
  expires_at: string | null
}
export const listCoupons = (query: Query) => paged(get<Coupon[] | Page<Coupon>>('/api/platform/coupons', query))
export const createCoupon = (input: CouponInput) => post<Coupon>('/api/platform/coupons', input)

export type PlatformRecharge = Recharge & { company: Ref }
export const listPlatformRecharges = (query: Query) =>
  paged(get<PlatformRecharge[] | Page<PlatformRecharge>>('/api/platform/recharges', query))
export const reviewRecharge = (id: number, approve: boolean, reason: string) =>
  post<PlatformRecharge>(`/api/platform/recharges/${id}/review`, { approve, reason })
export const saveBankAccount = (account: BankAccount) => put<BankAccount>('/api/platform/bank-account', account)
export const platformProofUrl = (id: number) => `/api/platform/recharges/${id}/proof`

export interface StrayPayment {
  id: number
  company: Ref
  number: string
  channel: string
  asked: number
  amount: number
  paid_at: string
  state: 'open' | 'booked' | 'refunded'
  note: string
  actor: Ref | null
  settled_at: string | null
}
export const listStrayPayments = (query: Query, signal?: AbortSignal) => get<Page<StrayPayment>>('/api/platform/stray-payments', query, signal)
export const bookStrayPayment = (id: number) => post<StrayPayment>(`/api/platform/stray-payments/${id}/book`, {})
export const refundStrayPayment = (id: number, note: string) => post<StrayPayment>(`/api/platform/stray-payments/${id}/refund`, { note })

export interface DispatchedNumber {
  number: string
  iccid: string
  region: string
}
export const listPlatformApplications = (query: Query) =>
  paged(get<NumberApplication[] | Page<NumberApplication>>('/api/platform/number-applications', query))
export const dispatchNumbers = (id: number, numbers: DispatchedNumber[], monthly_fee: number) =>
  post<unknown>(`/api/platform/number-applications/${id}/dispatch`, { numbers, monthly_fee })
export const refuseApplication = (id: number, reason: string) => post<unknown>(`/api/platform/number-applications/${id}/refuse`, { reason })
export type NumberLeave = DirectNumber & { company?: Ref; reason?: string; asked_at?: string }
export const listNumberLeaves = () => rows(get<NumberLeave[] | Page<NumberLeave>>('/api/platform/number-leaves'))
export const reviewLeave = (id: number, approve: boolean) => post<unknown>(`/api/platform/direct-numbers/${id}/leave-review`, { approve })

export const listPlatformInvoices = (query: Query) => paged(get<Invoice[] | Page<Invoice>>('/api/platform/invoices', query))
export interface InvoiceAnswer {
  state: 'invoiced' | 'rejected'
  answer: string
  courier: string
  courier_number: string
  file: File | null
}
export const answerInvoice = (id: number, answer: InvoiceAnswer) => post<Invoice>(`/api/platform/invoices/${id}/answer`, formOf({ ...answer }))

export interface Company {
  id: number
  name: string
  created_at: string
  verification: string
  script_state: string
  licences: number | null
  employees: number
  valid_until: string | null
  balance: number
  frozen: number
  points: number
  minutes_left: number
  dialling_suspended: boolean
  premium_open: boolean
  satellite_open: boolean
}
export interface CompanyInput {
  name: string
  admin_login: string
  admin_name: string
  licences: number | null
  valid_until: string | null
  time_zone: string
}
export type CompanyChange = Partial<Pick<Company, 'name' | 'verification' | 'script_state' | 'licences' | 'valid_until' | 'dialling_suspended' | 'premium_open' | 'satellite_open'>>
export const listCompanies = (query: Query) => paged(get<Company[] | Page<Company>>('/api/platform/companies', query))
export const openCompany = (input: CompanyInput) => post<{ company: Company; password: string }>('/api/platform/companies', input)
export const changeCompany = (id: number, change: CompanyChange) => patch<Company>(`/api/platform/companies/${id}`, change)

export interface Tier {
  from: number
  to: number | null
  price_year: number
}
export interface Prices {
  employee_seat: number
  ai_seat_year: number
  number_month: number
  search_first: { accounts: number; price_year: number }[]
  search_tiers: Tier[]
  point_packs: PointPack[]
}
export const fetchPrices = () => get<Prices>('/api/platform/prices')
export const savePrices = (prices: Prices) => put<Prices>('/api/platform/prices', prices)
export const invoiceLetterUrl = (id: number) => `/api/platform/invoices/${id}/letter`
