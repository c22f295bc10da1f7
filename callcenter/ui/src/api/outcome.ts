/** What is known of a call beside its course, and of an agent's day. */
import type { AgentState, Ref } from './types'

export type CallMark = 'connected' | 'not_connected'

export interface CallLine {
  measured_by: 'browser' | 'pbx'
  leg_id: string
  loss: number
  jitter_ms: number
  round_trip_ms: number | null
  mos: number
  worst_mos: number
}

export interface Consultation {
  id: number
  leg_id: string
  duration: number
}

export interface StateStretch {
  state: AgentState
  reason: string
  at: string
  until: string | null
  seconds: number
  by: Ref | null
}

export interface StateHistory {
  items: StateStretch[]
  totals: Partial<Record<AgentState, number>>
}

export interface ConsultFailedEvent {
  call_id: string
  reason: 'busy' | 'rejected' | 'no_answer' | 'number_invalid' | 'unreachable'
}

export interface StateForcedEvent {
  state: AgentState
  reason: string
  by: Ref
  at_once: boolean
}

/** An agent let so many calls in a row ring in vain and was set to not ready. */
export interface AgentUnansweredEvent {
  employee: Ref
  calls: number
}
