import type { CallMode } from './seats'
import { get, patch, post, put, remove, type Query } from './http'
import type {
  BlacklistEntry,
  CompanySettings,
  Department,
  Employee,
  Group,
  Package,
  PackageState,
  PackageEntry,
  Page,
  Role,
  SipAccount,
} from './types'

/** Small lists may arrive as an array or as one page; callers want the rows. */
async function rows<T>(answer: Promise<Page<T> | T[]>): Promise<T[]> {
  const value = await answer
  return Array.isArray(value) ? value : value.items
}

export const listDepartments = () => rows(get<Page<Department> | Department[]>('/api/departments'))
export const createDepartment = (name: string, parent_id: number | null) =>
  post<Department>('/api/departments', { name, parent_id })
export const updateDepartment = (id: number, change: Partial<Pick<Department, 'name' | 'parent_id' | 'head_id'>>) =>
  patch<Department>(`/api/departments/${id}`, change)
export const deleteDepartment = (id: number) => remove(`/api/departments/${id}`)

export interface EmployeeInput {
  login: string
  name: string
  password: string
  department_id?: number | null
  superior_id?: number | null
  role: string
  phone?: string
  group_ids?: number[]
  seat_id?: number | null
}

export interface EmployeeFilter extends Record<string, string | number | undefined> {
  q?: string
  department_id?: number
  state?: string
}

export const listEmployees = (filter: EmployeeFilter = {}) =>
  rows(get<Page<Employee> | Employee[]>('/api/employees', { page_size: 200, ...filter }))
export const createEmployee = (input: EmployeeInput) => post<Employee>('/api/employees', input)
export const updateEmployee = (
  id: number,
  change: Partial<Omit<EmployeeInput, 'login' | 'password'>> & { account_state?: string; verification?: 'unverified' | 'verified' },
) => patch<Employee>(`/api/employees/${id}`, change)
export const deleteEmployee = (id: number) => remove(`/api/employees/${id}`)
export const resetPassword = (id: number, password: string) =>
  post<void>(`/api/employees/${id}/password`, { password })
export const fetchSipAccount = (id: number) => get<SipAccount>(`/api/employees/${id}/sip`)
export const renewSipAccount = (id: number) => post<SipAccount>(`/api/employees/${id}/sip/renew`)
export const listRoles = () => rows(get<Page<Role> | Role[]>('/api/roles'))

export const listGroups = () => rows(get<Page<Group> | Group[]>('/api/groups'))
export const deleteGroup = (id: number) => remove(`/api/groups/${id}`)
export const addNumber = (number: string, group_id: number | null) => post<unknown>('/api/numbers', { number, group_id })
export const deleteNumber = (id: number) => remove(`/api/numbers/${id}`)
export const listBlacklist = () => rows(get<Page<BlacklistEntry> | BlacklistEntry[]>('/api/blacklist'))
export const addToBlacklist = (number: string, reason: string) =>
  post<BlacklistEntry>('/api/blacklist', { number, reason })
export const removeFromBlacklist = (id: number) => remove(`/api/blacklist/${id}`)

export interface Grant {
  employee_id: number
  name: string
  mode: CallMode
  also_mode?: CallMode | null
  minutes: number
  days: number
}

export type PackageCounts = Record<PackageState | 'unassigned', number>
export const listPackages = (query: Query, signal?: AbortSignal) => get<Page<Package>>('/api/packages', query, signal)
export const countPackages = (query: Query) => get<PackageCounts>('/api/packages/counts', query)
export const fetchPackage = (id: number) => get<Package>(`/api/packages/${id}`)
export const grantPackage = (grant: Grant) => post<Package>('/api/packages', grant)
export const fetchEntries = (id: number, page: number) =>
  get<Page<PackageEntry>>(`/api/packages/${id}/entries`, { page, page_size: 20 })
export const entriesUrl = (id: number) => `/api/packages/${id}/entries/export`

export const fetchSettings = () => get<CompanySettings>('/api/settings/company')
export const saveSettings = (settings: CompanySettings) => put<CompanySettings>('/api/settings/company', settings)
export interface Trunk {
  state: 'registered' | 'reachable' | 'rejected' | 'unreachable' | 'waiting'
  /** The carrier's own answer, a SIP status. */
  code: number | null
  since: string
  simulated: boolean
  host: string | null
  account: string | null
  profile: string | null
}
export const fetchTrunk = () => get<Trunk>('/api/trunk')
