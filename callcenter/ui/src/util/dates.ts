import { dayOf, startOfDay } from './time'

export type Preset = 'today' | 'yesterday' | 'week' | 'month' | 'all'
export const presets: Preset[] = ['today', 'yesterday', 'week', 'month', 'all']

const DAY = 86_400_000

/** From (inclusive) and to (exclusive) of a preset, as moments in the company's days. */
export function rangeOf(preset: Preset, nowMs: number): { from?: string; to?: string } {
  const start = (daysAgo: number) => startOfDay(dayOf(nowMs - daysAgo * DAY))
  switch (preset) {
    case 'today':
      return { from: start(0) }
    case 'yesterday':
      return { from: start(1), to: start(0) }
    case 'week':
      return { from: start(6) }
    case 'month':
      return { from: start(29) }
    case 'all':
      return {}
  }
}

/** Two calendar days, both included. */
export function rangeOfDays(first: string, last: string): { from: string; to: string } {
  const after = dayOf(Date.parse(startOfDay(last)) + 36 * 3_600_000)
  return { from: startOfDay(first), to: startOfDay(after) }
}
