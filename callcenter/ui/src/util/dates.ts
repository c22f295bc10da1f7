import { dayOf, startOfDay } from './time'

export type Preset = 'today' | 'yesterday' | 'week' | 'month' | 'this_week' | 'last_week' | 'this_month' | 'last_month' | 'all'
export const presets: Preset[] = ['today', 'yesterday', 'week', 'month', 'all']
/** For logs, where people look for a calendar week or month. */
export const calendar: Preset[] = ['today', 'yesterday', 'week', 'this_week', 'last_week', 'this_month', 'last_month', 'all']

const DAY = 86_400_000

/** A calendar day so many days later, whatever the clocks do. */
const later = (date: string, days: number) => new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY).toISOString().slice(0, 10)

/** The Monday of a calendar day's week. */
const monday = (date: string) => later(date, -((new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7))

/** The first day of the month before a calendar day's. */
const monthBefore = (date: string) => `${later(`${date.slice(0, 7)}-01`, -1).slice(0, 7)}-01`

/** From (inclusive) and to (exclusive) of a preset, as moments in the company's days. */
export function rangeOf(preset: Preset, nowMs: number): { from?: string; to?: string } {
  const today = dayOf(nowMs)
  const between = (first: string, end?: string) => ({ from: startOfDay(first), ...(end ? { to: startOfDay(end) } : {}) })
  switch (preset) {
    case 'today':
      return between(today)
    case 'yesterday':
      return between(later(today, -1), today)
    case 'week':
      return between(later(today, -6))
    case 'month':
      return between(later(today, -29))
    case 'this_week':
      return between(monday(today))
    case 'last_week':
      return between(later(monday(today), -7), monday(today))
    case 'this_month':
      return between(`${today.slice(0, 7)}-01`)
    case 'last_month':
      return between(monthBefore(today), `${today.slice(0, 7)}-01`)
    case 'all':
      return {}
  }
}

/** Two calendar days, both included. */
export function rangeOfDays(first: string, last: string): { from: string; to: string } {
  return { from: startOfDay(first), to: startOfDay(later(last, 1)) }
}

/** A span as an address keeps it: a preset, or `2026-03-01~2026-03-09`. */
export const daysIn = (when: string): [string, string] | null => {
  const found = /^(\d{4}-\d\d-\d\d)~(\d{4}-\d\d-\d\d)$/.exec(when)
  return found ? [found[1]!, found[2]!] : null
}

const known = new Set<string>([...presets, ...calendar])

/** What a kept span means now; one that nobody knows means `otherwise`. */
export function rangeOfWhen(when: string, nowMs: number, otherwise: Preset): { from?: string; to?: string } {
  const days = daysIn(when)
  if (days) return rangeOfDays(...days)
  return rangeOf(known.has(when) ? (when as Preset) : otherwise, nowMs)
}
