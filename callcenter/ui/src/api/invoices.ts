/** Invoices the company asks of the platform for what it recharged (企业开票). */
import { formOf, get, post, type Query } from './http'
import type { Page, Ref } from './types'

export type InvoiceKind = 'ordinary' | 'special'
export type InvoiceState = 'reviewing' | 'invoiced' | 'rejected'

export interface Invoice {
  id: number
  created_at: string
  applicant: Ref | string | null
  kind: InvoiceKind
  amount: number
  title: string
  fields?: Record<string, string>
  urgent: boolean
  remark: string
  courier: string
  courier_number: string
  state: InvoiceState
  answer: string
  finished_at: string | null
  file: boolean
  letter?: boolean
  company?: Ref
}

export interface OpenRecharge {
  id: number
  number: string
  amount: number
  created_at: string
}

export interface InvoiceWish {
  recharge_ids: number[]
  kind: InvoiceKind
  title: string
  fields: Record<string, string>
  urgent: boolean
  remark: string
  letter: File | null
}

/** What each kind of invoice asks for; the first two lines of a special one are the law's. */
export const INVOICE_FIELDS: Record<InvoiceKind, string[]> = {
  ordinary: ['tax_number', 'email'],
  special: ['tax_number', 'address', 'phone', 'bank', 'bank_account', 'receiver', 'receiver_phone', 'receiver_address'],
}

export const listInvoices = (query: Query, signal?: AbortSignal) => get<Page<Invoice>>('/api/invoices', query, signal)
export const listOpenRecharges = async (): Promise<OpenRecharge[]> => {
  const answer = await get<OpenRecharge[] | Page<OpenRecharge>>('/api/invoices/open-recharges')
  return Array.isArray(answer) ? answer : answer.items
}
export const askInvoice = (wish: InvoiceWish) =>
  post<Invoice>('/api/invoices', formOf({ ...wish, recharge_ids: wish.recharge_ids.join(','), fields: JSON.stringify(wish.fields) }))
export const invoiceFileUrl = (id: number) => `/api/invoices/${id}/file`
