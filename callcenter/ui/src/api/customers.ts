import { get, patch, post, remove, type Query } from './http'
import type { Customer, CustomerInput, CustomerKind, Page, TimelineItem } from './types'

export interface CustomerFilter extends Query {
  q?: string
  tag?: string
  owner_id?: number
  kind?: string
  sort?: string
  page?: number
  page_size?: number
}

export const listCustomers = (filter: CustomerFilter, signal?: AbortSignal) =>
  get<Page<Customer>>('/api/customers', filter, signal)
export const fetchCustomer = (id: number) => get<Customer>(`/api/customers/${id}`)
export const createCustomer = (input: CustomerInput) => post<Customer>('/api/customers', input)
export const updateCustomer = (id: number, change: Partial<CustomerInput> & { signed?: boolean }) =>
  patch<Customer>(`/api/customers/${id}`, change)
export const deleteCustomer = (id: number) => remove(`/api/customers/${id}`)
export const matchNumber = (number: string) =>
  get<{ number: string; customer: Customer | null }>('/api/customers/match', { number })
export const fetchTimeline = (id: number, page = 1) =>
  get<Page<TimelineItem>>(`/api/customers/${id}/timeline`, { page, page_size: 20 })
export const addNote = (id: number, text: string, open: boolean) =>
  post<TimelineItem>(`/api/customers/${id}/notes`, { text, open })
export const updateNote = (id: number | string, change: { open?: boolean; text?: string }) =>
  patch<TimelineItem>(`/api/notes/${id}`, change)
export const listTags = () => get<string[]>('/api/tags')

export interface OpenNote extends TimelineItem {
  customer: { id: number; name: string; kind?: CustomerKind }
}

export const listOpenNotes = (q: string, signal?: AbortSignal) =>
  get<Page<OpenNote>>('/api/notes', { open: true, q, page_size: 100 }, signal)
