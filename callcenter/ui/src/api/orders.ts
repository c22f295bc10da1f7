/** What can be bought, what it costs now, and what was bought. Money is in fen. */
import { get, post, request, withQuery, type Query } from './http'
import type { Package, Page, Ref } from './types'

export type OfferingKind = 'non_shared' | 'shared' | 'fixed'
export type OfferKind = 'regular' | 'limited' | 'trial'
export type OrderAction = 'new' | 'renew' | 'add' | 'top_up'

export interface Offering {
  id: number
  name: string
  kind: OfferingKind
  offer: OfferKind
  mode: string
  also_mode: string | null
  line: string
  minutes: number
  days: number
  price: number
  list_price: number
  per_employee: number
  offered_from: string | null
  offered_until: string | null
  on_sale: boolean
  description: string
}

export interface ShopOffering extends Offering {
  buyable: boolean
  why_not: string | null
  trial_used: boolean
}

export interface Candidate {
  id: number
  name: string
  phone: string
  department: string
  verified: boolean
  offers_left?: number | null
  packages?: { name: string; mode: string; also_mode: string | null; minutes_left: number; days_left: number }[]
}

export interface Basket {
  offering_id: number
  action: OrderAction
  quantity: number
  employee_ids: number[]
  package_id: number | null
  coupon: string
}

export interface Quote {
  lines: { employee: Ref | null; quantity: number; price: number; at_offer_price: boolean }[]
  total: number
  discount: number
  paid: number
  balance: number
  enough: boolean
  coupon: { code: string; amount: number } | null
  valid_from: string
  valid_until: string
}

export interface Order {
  id: number
  number: string
  created_at: string
  action: OrderAction
  name: string
  kind: OfferingKind
  quantity: number
  unit_price: number
  total: number
  discount: number
  paid: number
  buyer: Ref
  valid_until: string
  state: 'active' | 'expired'
  coupon: { code: string; amount: number } | null
  offering_id: number
}

export interface OrderUser {
  employee: { id: number; name: string; phone: string }
  package_id: number
  minutes_used: number
  minutes_left: number
  valid_until: string
}

export interface OrderDetail extends Order {
  users: OrderUser[]
  packages: Package[]
}

export const listOfferings = () => get<ShopOffering[]>('/api/offerings')
export const listCandidates = (offeringId: number) => get<Candidate[]>(`/api/offerings/${offeringId}/employees`)
export const quoteOrder = (basket: Basket, signal?: AbortSignal) =>
  request<Quote>('POST', '/api/orders/quote', { body: basket, ...(signal ? { signal } : {}) })
export const placeOrder = (basket: Basket, expected_paid: number, key: Record<string, string>) =>
  post<Order>('/api/orders', { ...basket, agreed: true, expected_paid }, key)
export const listOrders = (query: Query, signal?: AbortSignal) =>
  get<Page<Order> & { total_paid: number }>('/api/orders', query, signal)
export const fetchOrder = (id: number) => get<OrderDetail>(`/api/orders/${id}`)
export interface Renewal {
  lines: { package_id: number; name: string; users: string[]; paid: number; valid_from: string; valid_until: string }[]
  paid: number
  balance: number
  enough: boolean
}
export const quoteRenewal = (id: number) => get<Renewal>(`/api/orders/${id}/renewal`)
export const renewOrder = (id: number, expected_paid: number, key: Record<string, string>) =>
  post<{ orders: number[]; paid: number; balance: number }>(`/api/orders/${id}/renewal`, { agreed: true, expected_paid }, key)
export const ordersUrl = (query: Query) => withQuery('/api/orders/export', query)
