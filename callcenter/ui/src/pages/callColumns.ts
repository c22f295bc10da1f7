import type { Choosable } from '@/util/columns'

/** The columns of the call log in their order, by the key of their heading. */
const HEADINGS = {
  customer: 'calls.customer',
  number: 'calls.number',
  shown: 'calls.shown',
  caller: 'calls.caller',
  called: 'calls.called',
  employee: 'calls.employee',
  task: 'calls.task',
  company: 'calls.company',
  progress: 'calls.progress',
  level: 'calls.level',
  source: 'calls.source',
  started_at: 'calls.time',
  talk_seconds: 'calls.duration',
  minutes_charged: 'calls.charged',
  result: 'phone.result',
  mark: 'calls.mark',
  playback: 'calls.playback',
  detail: 'calls.operation',
} as const

/** What fits a laptop beside the phone. */
export const usualColumns = ['customer', 'number', 'shown', 'employee', 'task', 'started_at', 'talk_seconds', 'playback', 'detail']

export const callColumns = (t: (key: string) => string): Choosable[] =>
  Object.entries(HEADINGS).map(([key, heading]) => ({ key, label: t(heading) }))
