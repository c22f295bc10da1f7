/** What holds for a whole company, from the next call on. */
export interface CompanySettings {
  name: string
  time_zone: string
  dial_window: { start: string; end: string }
  wrap_up_seconds: number
  recording: boolean
  supervision_shown: boolean
  access_end: 'at_once' | 'after_call'
  caller_id_policy: 'bound' | 'same_region' | 'rotation'
  access_number: string
  call_through_seconds: number
  valid_call_seconds: number
  /** 0: never. */
  unanswered_limit: number
}
