import { get, withQuery, type Query, type Words } from './http'
import type { Page, Ref } from './types'

/** A value of an entry and how it is shown; `name` is that of the thing whose id it is, or a number as people write it. */
export interface AuditValue {
  kind: string
  value: string | number | boolean | null
  name: string
}

export interface AuditLine {
  field: string
  values: AuditValue[]
  before: AuditValue[] | null
}

export interface AuditEntry {
  id: number
  at: string
  actor: Ref | null
  action: string
  ip: string
  about: AuditValue | null
  lines: AuditLine[]
}

export interface AuditWords {
  groups: (Words & { group: string; actions: (Words & { action: string })[] })[]
  fields: Record<string, Words>
  codes: Record<string, Record<string, Words>>
}

export const listAudit = (query: Query, signal?: AbortSignal) => get<Page<AuditEntry>>('/api/audit', query, signal)
export const fetchAuditWords = () => get<AuditWords>('/api/audit/words')
export const auditUrl = (query: Query) => withQuery('/api/audit/export.xlsx', query)
