/** Dial tasks: lists of numbers that are given to employees, and the dial centre where they are called. */
import { formOf, get, patch, post, remove, request, withQuery, type Query } from './http'
import type { LegOrder } from './seats'
import type { CallResult, Page, Ref } from './types'

export type TaskState = 'normal' | 'in_progress' | 'finished'
export const TASK_STATES: TaskState[] = ['normal', 'in_progress', 'finished']
export type ClaimWay = 'self' | 'assigned'
export type ShareRule = 'average_all' | 'average_chosen' | 'custom'
export const SHARE_RULES: ShareRule[] = ['average_all', 'average_chosen', 'custom']

export interface Share {
  employee_id: number
  /** Whole percent; null where the rule divides evenly. */
  percent: number | null
}

export interface DialTask {
  id: number
  name: string
  state: TaskState
  secret: boolean
  claim: ClaimWay
  rule: ShareRule | null
  encrypted: boolean
  /** Who is rung first; null: as each seat says. */
  leg_order: LegOrder | null
  creator: Ref
  total: number
  dialled: number
  undialled: number
  unassigned: number
  importing: boolean
  /** A secret task of somebody else: it is seen to exist, no more. */
  numbers_hidden: boolean
  created_at: string
}

export interface TaskInput {
  name: string
  secret: boolean
  claim: ClaimWay
  rule: ShareRule | null
  encrypted: boolean
  leg_order: LegOrder | null
  shares: Share[]
}

export interface TaskNumber {
  id: number
  task_id: number
  task_name: string
  number: string
  /** Empty for none, and while the number is hidden. */
  extension: string
  /** What to show, the extension included; the middle digits hidden where `masked`. */
  number_display: string
  masked: boolean
  /** Whose number it is, of the customers that this person sees. */
  customer: Ref | null
  name: string | null
  company: string | null
  remark: string | null
  assignee: Ref | null
  state: 'undialled' | 'dialled'
  calls: number
  result: CallResult | null
  last_called_at: string | null
  assigned_at: string | null
}

export const NOTES = ['before_header', 'sheet_hidden', 'sheet_without_numbers', 'kept_in_remark', 'formulas_empty', 'no_rows'] as const
export const ROW_REASONS: readonly string[] = ['empty', 'not_a_number', 'several', 'decimal', 'ambiguous', 'length', 'unknown', 'destination_closed', 'emergency_by_hand', 'own_number_by_hand', 'no_number', 'rounded', 'bad_characters', 'too_long']

export interface ImportNote {
  why: (typeof NOTES)[number] | 'header'
  count: number
  sheet: string
  first: number
  last: number
  columns: string[]
}

export interface NumberImport {
  id: number
  file_name: string
  state: 'running' | 'done' | 'failed'
  total: number
  success: number
  failed: number
  duplicate_system: number
  duplicate_file: number
  blacklist: number
  format_error: number
  /** Rows of the file that are no numbers; `notes` says which. */
  skipped: number
  notes: ImportNote[]
  /** How often each reason for a format error came up. */
  reasons: Record<string, number>
  /** Why it failed as a whole; empty otherwise. */
  reason: '' | 'stopped' | 'internal'
  operator: Ref
  created_at: string
}

export type FailedKind = 'duplicate_system' | 'duplicate_file' | 'blacklist' | 'format_error'
export const FAILED_KINDS: FailedKind[] = ['duplicate_system', 'duplicate_file', 'blacklist', 'format_error']

export interface Allocated {
  employee: Ref | null
  total: number
  dialled: number
  undialled: number
}

/** A task as its assignee sees it. */
export interface MyTask {
  id: number
  name: string
  mine_total: number
  mine_undialled: number
  claimable: number
  claim: ClaimWay
}

const rows = async <T>(answer: Promise<T[] | Page<T>>): Promise<T[]> => {
  const value = await answer
  return Array.isArray(value) ? value : value.items
}

export const listTasks = (query: Query, signal?: AbortSignal) => get<Page<DialTask>>('/api/dial-tasks', query, signal)
export const fetchTask = (id: number) => get<DialTask & { shares: Share[] }>(`/api/dial-tasks/${id}`)
export const createTask = (input: TaskInput) => post<DialTask>('/api/dial-tasks', input)
export const updateTask = (id: number, change: { name?: string; state?: TaskState }) =>
  patch<DialTask>(`/api/dial-tasks/${id}`, change)
export const deleteTask = (id: number) => remove(`/api/dial-tasks/${id}`)

export const importText = (id: number, text: string) => post<NumberImport>(`/api/dial-tasks/${id}/imports`, { text })
export const importFile = (id: number, file: File) =>
  request<NumberImport>('POST', `/api/dial-tasks/${id}/imports`, { body: formOf({ file }) })
export const importAgain = (id: number, importId: number) =>
  post<NumberImport>(`/api/dial-tasks/${id}/imports/${importId}/again`)
export const listImports = (id: number) => rows(get<NumberImport[] | Page<NumberImport>>(`/api/dial-tasks/${id}/imports`))
export const failedUrl = (id: number, importId: number, kind: FailedKind | 'all') =>
  withQuery(`/api/dial-tasks/${id}/imports/${importId}/failed`, { kind })
export const templateUrl = '/api/dial-tasks/template'
export const taskExportUrl = (id: number) => `/api/dial-tasks/${id}/export`
export const listTaskNumbers = (id: number, query: Query, signal?: AbortSignal) =>
  get<Page<TaskNumber>>(`/api/dial-tasks/${id}/numbers`, query, signal)
export const fetchAllocation = (id: number) =>
  rows(get<Allocated[] | Page<Allocated>>(`/api/dial-tasks/${id}/allocation`))

export const listMyTasks = () => rows(get<MyTask[] | Page<MyTask>>('/api/dial-centre/tasks'))
export const listMyNumbers = (query: Query, signal?: AbortSignal) =>
  get<Page<TaskNumber>>('/api/dial-centre/numbers', query, signal)
export const claimNumbers = (id: number, count: number) =>
  post<{ claimed: number }>(`/api/dial-centre/tasks/${id}/claim`, { count })
