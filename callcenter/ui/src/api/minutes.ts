/** A voice package and what an employee has left to talk with. Minutes are whole. */
import type { Ref } from './types'

export type PackageState = 'future' | 'sufficient' | 'low' | 'used_up' | 'expired'
export type PackageKind = 'non_shared' | 'shared' | 'fixed' | 'top_up'

export interface Package {
  id: number
  name: string
  kind: PackageKind
  mode: string
  also_mode: string | null
  line: string
  /** Null: shared, or nobody's yet. */
  employee: Ref | null
  members: Ref[]
  quantity: number
  assigned: number
  assignable: number
  minutes_total: number
  minutes_left: number
  minutes_reserved: number
  minutes_used: number
  increment_seconds: number
  starts_at: string
  expires_at: string
  state: PackageState
  parent_id: number | null
  parent?: Ref | null
  renews_id: number | null
  purchase_id: number | null
  offering_id: number | null
  days_left_at_pace: number | null
}

export interface Minutes {
  minutes_left: number
  minutes_reserved: number
  days_left: number | null
  packages: Package[]
}
