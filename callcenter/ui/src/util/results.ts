import type { CallRow } from '@/kit/api'

export type CallResult = NonNullable<CallRow['result']>
export type CallMark = NonNullable<CallRow['mark']>

/** What can be said of a finished call, in the order of the number keys. */
export const results: CallResult[] = [
  'connected_interested',
  'connected_follow_up',
  'connected_refused',
  'not_connected',
  'wrong_number',
  'other',
]

export type Outcome = 'running' | 'ANSWERED' | 'missed' | 'NO ANSWER' | 'BUSY' | 'FAILED' | 'CONGESTION'

/** How the call went, seen by the person who reads the list. */
export function outcome(row: Pick<CallRow, 'disposition' | 'direction'>): Outcome {
  if (row.disposition === null) return 'running'
  if (row.direction === 'inbound' && row.disposition === 'NO ANSWER') return 'missed'
  return row.disposition
}

export const outcomeTone: Record<Outcome, string> = {
  running: 'busy',
  ANSWERED: 'good',
  missed: 'bad',
  'NO ANSWER': '',
  BUSY: '',
  FAILED: 'bad',
  CONGESTION: 'bad',
}
