/** Lines of waiting callers, and what becomes of those whom nobody took. */
import { ApiError, get, patch, post, put, remove, withQuery } from './http'
import type { Page, Waveform } from './types'

/** The line of a group; `expected_seconds` is null while nobody can know. */
export interface LiveQueue {
  id: number
  name: string
  waiting: number
  oldest_since: string | null
  expected_seconds: number | null
  callbacks: number
  missed: number
  voicemails: number
  agents: { ready: number; busy: number; total: number }
  member_ids: number[]
}

/** A caller's place in a line, from 1; `expected_seconds` is null while nobody can know. */
export interface LinePlace {
  id: number
  name: string
  position: number
  waited_since: string
  expected_seconds: number | null
}

/** The message that a caller left whom nobody took. */
export interface MessageBrief {
  id: number
  duration: number | null
  heard: boolean
}

interface Named {
  id: number
  name: string
}

export interface GroupRules {
  name: string
  member_ids: number[]
  levels: Record<string, number>
  strategy: 'ring_all' | 'longest_idle' | 'round_robin' | 'fewest_calls'
  ring_seconds: number
  max_wait_seconds: number
  max_length: number
  greeting: 'ringback' | 'music'
  announce_seconds: number
  weight: number
  widen_seconds: number
  sticky: 'none' | 'owner' | 'last_agent'
  sticky_seconds: number
  overflow: 'hang_up' | 'voicemail' | 'group' | 'number'
  overflow_group_id: number | null
  overflow_number: string
  callback_offered: boolean
}

export interface GroupRow extends GroupRules {
  id: number
  queue: string
  numbers: string[]
}

export interface NumberRules {
  group_id: number
  priority: number
  hours_id: number | null
  closed_action: 'hang_up' | 'voicemail'
}

export interface NumberRow extends NumberRules {
  id: number
  number: string
  display: string
  group: string
}

export type Interval = [string, string]

export interface Holiday {
  date: string
  name: string
  intervals: Interval[]
}

export interface HoursRules {
  name: string
  weekly: Record<string, Interval[]>
  holidays: Holiday[]
}

export interface HoursRow extends HoursRules {
  id: number
  time_zone: string
  open_now: boolean
  next_opening: string | null
  numbers: string[]
}

export interface Prompt {
  kind: string
  name: string
  duration: number
  created_at: string
}

export interface Known {
  group: Named | null
  number: string
  number_display: string
  customer: { id: number; name: string; kind: 'personal' | 'enterprise' } | null
}

export interface Voicemail extends Known {
  id: number
  call_id: string
  duration: number | null
  at: string
  heard_by: Named | null
  heard_at: string | null
}

export interface CallbackRequest extends Known {
  id: number
  queued_at: string
  state: string
  attempts: number
  next_try_at: string | null
}

export interface MissedCaller extends Known {
  call_id: string
  at: string
  times: number
  waited_seconds: number
}

export const listGroupRows = () => get<GroupRow[]>('/api/groups')
export const createGroupRow = (rules: GroupRules) => post<GroupRow>('/api/groups', rules)
export const updateGroupRow = (id: number, rules: Partial<GroupRules>) => patch<GroupRow>(`/api/groups/${id}`, rules)
export const listNumberRows = () => get<NumberRow[]>('/api/numbers')
export const updateNumberRow = (id: number, rules: Partial<NumberRules>) => patch<NumberRow>(`/api/numbers/${id}`, rules)

export const listHours = () => get<HoursRow[]>('/api/hours')
export const createHours = (rules: HoursRules) => post<HoursRow>('/api/hours', rules)
export const updateHours = (id: number, rules: Partial<HoursRules>) => patch<HoursRow>(`/api/hours/${id}`, rules)
export const deleteHours = (id: number) => remove(`/api/hours/${id}`)

export const listPrompts = () => get<Prompt[]>('/api/prompts')
export const deletePrompt = (kind: string) => remove(`/api/prompts/${kind}`)
/** Changes with every upload, so that an old one is not heard from the cache. */
export const promptUrl = (prompt: Prompt) => withQuery(`/api/prompts/${prompt.kind}/audio`, { at: Date.parse(prompt.created_at) })

/** The body is the file itself. */
export async function uploadPrompt(kind: string, file: File): Promise<void> {
  const answer = await fetch(withQuery(`/api/prompts/${kind}`, { name: file.name }), { method: 'PUT', body: file, credentials: 'same-origin' })
  if (answer.ok) return
  const body = (await answer.json().catch(() => null)) as { error?: { code: string; message: { zh: string; en: string } } } | null
  const words = { zh: '上传失败，请稍后重试。', en: 'The upload failed; please try again.' }
  throw new ApiError(body?.error?.code ?? 'unreadable', answer.status, body?.error?.message ?? words)
}

export const listVoicemails = (query: { heard?: boolean; page_size?: number }, signal?: AbortSignal) =>
  get<Page<Voicemail>>('/api/voicemails', query, signal)
export const markHeard = (id: number, heard: boolean) => put<Voicemail>(`/api/voicemails/${id}/heard`, { heard })
export const fetchMessageWaveform = (id: number) => get<Waveform>(`/api/voicemails/${id}/waveform`)
export const voicemailUrl = (id: number) => `/api/voicemails/${id}/audio`
export const listCallbacks = (query: { page_size?: number }, signal?: AbortSignal) =>
  get<Page<CallbackRequest>>('/api/callbacks', query, signal)
export const cancelCallback = (id: number) => remove(`/api/callbacks/${id}`)
export const listMissed = (query: { page_size?: number }, signal?: AbortSignal) =>
  get<Page<MissedCaller>>('/api/missed-calls', query, signal)
