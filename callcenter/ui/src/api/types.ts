/** Shapes of the HTTP and live contract. Times are ISO-8601 UTC strings. */
import type { Armed, LineWord, SeatBrief } from './seats'
import type { LinePlace, MessageBrief } from './inbound'
import type { CallLine, CallMark, Consultation } from './outcome'

export interface Ref {
  id: number
  name: string
}

export interface Page<T> {
  items: T[]
  total: number
  page: number
  page_size: number
}

export type RoleCode = 'admin' | 'supervisor' | 'agent' | 'operator'
export type Device = 'browser' | 'sip'

export interface Role {
  code: RoleCode
  name_zh: string
  name_en: string
}

export interface Me {
  id: number
  login: string
  name: string
  role: Role
  permissions: string[]
  scope: string
  company: { id: number; name: string; time_zone: string; valid_until?: string | null }
  department: Ref | null
  device: Device
  can_dial: boolean
  extension: string
  seat?: SeatBrief | null
  verification?: string
}

export type AgentState = 'logged_out' | 'ready' | 'not_ready' | 'busy' | 'working_after_call'
export type NotReadyReason = 'break' | 'meal' | 'meeting' | 'training' | 'other'

export type CallState =
  | 'dialing_agent'
  | 'dialing_customer'
  | 'queued'
  | 'ringing_agent'
  | 'talking'
  | 'held'
  | 'ended'

export type Direction = 'inbound' | 'outbound'
export type Disposition = 'ANSWERED' | 'NO ANSWER' | 'BUSY' | 'FAILED' | 'CONGESTION'

export interface LiveAgent {
  line?: LineWord
  id: number
  name: string
  department_id: number | null
  department: string | null
  state: AgentState
  reason: NotReadyReason | null
  since: string
  device: Device
  registered: boolean
  call_id: string | null
  minutes_left: number | null
  wrap_up_ends_at: string | null
  /** Who put the agent into this state, if it was a supervisor. */
  set_by?: Ref | null
  groups: number[]
}

export type LegRole = 'agent' | 'customer' | 'third' | 'supervisor'
/** Where a leg was moved to; empty as first dialled. */
export type LegPlace = '' | 'talking' | 'held' | 'waiting' | 'consulting' | 'transfer' | 'return' | 'rejoined' | 'listen' | 'whisper' | 'barge'

export interface LiveLeg {
  id: string
  role: LegRole
  state: string
  place: LegPlace
  number: string
  employee_id: number | null
  /** The employee's name; empty for outside parties. */
  name?: string
  device?: Device | null
  /** Hold was pressed on the phone itself: only there it ends. */
  phone_hold?: boolean
  muted?: boolean
}

export interface LiveCall {
  armed?: Armed | null
  id: string
  direction: Direction
  mode: string
  state: CallState
  employee: Ref | null
  number: string
  number_display: string
  customer: Ref | null
  group: Ref | null
  queue?: LinePlace | null
  started_at: string
  answered_at: string | null
  state_since: string
  paid_until: string | null
  /** Employees with a leg in this call that is not over, ringing or answered. */
  ringing?: number[]
  legs: LiveLeg[]
}

export interface LiveStats {
  date: string
  calls: number
  inbound: number
  outbound: number
  answered: number
  missed: number
  valid: number
  talk_seconds: number
  average_talk_seconds: number
  answer_rate: number | null
  minutes_charged: number
}

export interface LiveSystem {
  phones: 'connecting' | 'authenticating' | 'syncing' | 'live' | 'lost'
}

export type CallResult =
  | 'connected_interested'
  | 'connected_follow_up'
  | 'connected_refused'
  | 'not_connected'
  | 'wrong_number'
  | 'other'

export interface CallRow {
  id: string
  direction: Direction
  mode: string
  company_number?: string
  company_number_display?: string
  caller_id_reason?: string
  source: 'customer' | 'manual' | 'inbound' | 'queue_callback' | 'task'
  caller_number: string
  called_number: string
  number: string
  number_display: string
  /** Hidden until it was rung: it cannot be dialled by its digits. */
  number_masked?: boolean
  employee: Ref | null
  customer: { id: number; name: string; kind: CustomerKind; level: string | null; source: string | null; progress: string | null } | null
  task: Ref | null
  company_name: string | null
  started_at: string
  answered_at: string | null
  ended_at: string | null
  ring_seconds: number
  talk_seconds: number
  disposition: Disposition | null
  end_reason: string | null
  valid: boolean
  minutes_charged: number
  recording: { state: 'none' | 'pending' | 'ready' | 'failed'; duration: number | null }
  voicemail?: MessageBrief | null
  result: CallResult | null
  note: string | null
  mark: CallMark | null
  /** The worst line of the call, 1 to 4.4; null where nothing was measured. */
  mos: number | null
}

export interface CallLeg {
  id: string
  role: string
  number: string
  state: string
  started_at: string
  answered_at: string | null
  ended_at: string | null
  cause: string | number | null
  billable_seconds: number
  minutes: number
}

export interface LedgerEntry {
  at: string
  call_id: string | null
  kind: string
  minutes: number
  duration_seconds: number | null
  number: string | null
}

/** One line of what happened to a package's minutes; the call of somebody out of scope has no employee and no number. */
export interface PackageEntry extends LedgerEntry {
  id: number
  /** What the package had then, those included that running calls held. */
  minutes_after: number
  employee: Ref | null
}

export interface CallDetail extends CallRow {
  legs: CallLeg[]
  entries: LedgerEntry[]
  quality: CallLine[]
  consultations: Consultation[]
  /** Seconds that the recording is shorter than the talk; null when it is whole. */
  recording_missing: number | null
}

export interface Waveform {
  duration: number
  peaks: { customer: number[]; agent: number[] }
  silence_share: number
  level_db: { customer: number; agent: number }
  format: string
}

export type CustomerKind = 'personal' | 'enterprise'
export type NumberLabel = 'mobile' | 'work' | 'home' | 'other'

export interface CustomerNumber {
  id: number
  number: string
  display: string
  extension: string
  /** What to dial, its extension included. */
  dial: string
  label: NumberLabel
  primary: boolean
}

export interface Customer {
  id: number
  kind: CustomerKind
  name: string
  numbers: CustomerNumber[]
  tags: string[]
  owner: Ref | null
  level: string | null
  progress: string | null
  source: string | null
  company_name: string | null
  address: string | null
  remark: string | null
  created_at: string
  updated_at: string
  last_contact_at: string | null
  signed_at?: string | null
  calls_count: number
  contacts_count: number
}

export interface CustomerInput {
  kind: CustomerKind
  name: string
  numbers: { number: string; label: NumberLabel; primary: boolean }[]
  tags: string[]
  owner_id?: number | null
  level?: string | null
  progress?: string | null
  source?: string | null
  company_name?: string | null
  address?: string | null
  remark?: string | null
}

export interface TimelineItem {
  id: number | string
  kind: 'call' | 'note'
  at: string
  employee: Ref | null
  call: CallRow | null
  text: string | null
  open: boolean
}

export interface Department {
  id: number
  name: string
  parent_id: number | null
  head_id: number | null
  employees: number
}

export type AccountState = 'active' | 'disabled' | 'departed'

export interface Employee {
  id: number
  login: string
  name: string
  phone: string | null
  department: Ref | null
  superior: Ref | null
  role: Role
  account_state: AccountState
  verification: 'unverified' | 'verified'
  can_dial: boolean
  device: Device
  seat?: SeatBrief | null
  extension: string
  groups: Ref[]
  minutes_left: number | null
  created_at: string
}

export interface SipAccount {
  server: string
  port: number
  transport: string
  username: string
  password: string
}

export interface Group {
  id: number
  name: string
  queue: string
  member_ids: number[]
  numbers: string[]
}

export interface BlacklistEntry {
  id: number
  number: string
  reason: string | null
  created_at?: string
}

export type { Minutes, Package, PackageKind, PackageState } from './minutes'
export type { CompanySettings } from './company'

export interface DemoNumber {
  number: string
  display: string
  what_zh: string
  what_en: string
}

export interface SipCredentials {
  uri: string
  username: string
  password: string
  ws_path: string
  expires_at: string
  ice_servers: (RTCIceServer | string)[]
}

export interface PopEvent {
  call_id: string
  direction: Direction
  number: string
  number_display: string
  customer: Customer | null
  recent: TimelineItem[]
  open_notes: TimelineItem[]
  queue: Ref | null
}

export interface WarningEvent {
  call_id: string
  kind: 'one_minute_left'
  ends_at: string
}

export interface CallEndedEvent {
  call_id: string
  direction: Direction
  number: string
  number_display: string
  customer: Ref | null
  disposition: Disposition | null
  end_reason: string | null
  talk_seconds: number
  needs_note: boolean
}
