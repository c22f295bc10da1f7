import { computed, onScopeDispose, ref, type ComputedRef } from 'vue'
import { useLive } from '@/stores/live'
import { useSession } from '@/stores/session'
import { language } from '@/i18n'

const now = ref(Date.now())
let users = 0
let timer = 0

/** The server's clock, ticking once a second while anyone looks at it. */
export function useNow(): ComputedRef<number> {
  const live = useLive()
  users += 1
  if (users === 1) {
    now.value = Date.now()
    timer = window.setInterval(() => (now.value = Date.now()), 1000)
  }
  onScopeDispose(() => {
    users -= 1
    if (users === 0) window.clearInterval(timer)
  })
  return computed(() => Math.max(now.value, 0) + (live.serverNow() - Date.now()))
}

const two = (value: number) => String(value).padStart(2, '0')

/** mm:ss, or h:mm:ss from one hour on. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const hours = Math.floor(whole / 3600)
  const rest = `${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`
  return hours > 0 ? `${hours}:${rest}` : rest
}

export const secondsSince = (at: string | null, nowMs: number) => (at ? (nowMs - Date.parse(at)) / 1000 : 0)

const companyZone = () => useSession().me?.company.time_zone ?? 'Asia/Shanghai'

const formatters = new Map<string, Intl.DateTimeFormat>()

function formatter(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const zone = companyZone()
  const key = JSON.stringify([language.value, zone, options])
  let known = formatters.get(key)
  if (!known) {
    known = new Intl.DateTimeFormat(language.value, { timeZone: zone, hourCycle: 'h23', ...options })
    formatters.set(key, known)
  }
  return known
}

function parts(at: Date): Record<string, string> {
  const found = formatter({
    year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
  }).formatToParts(at)
  return Object.fromEntries(found.map((part) => [part.type, part.value]))
}

/** 2026-03-09 14:05:12 in the company's zone. */
export function fullTime(at: string | null): string {
  if (!at) return '—'
  const p = parts(new Date(at))
  return `${p.year}-${p.month}-${p.day} ${p.hour}:${p.minute}:${p.second}`
}

export const day = (at: string | null) => (at ? fullTime(at).slice(0, 10) : '—')

/** Short for lists: the hour today, "yesterday" and the hour, else month and day. */
export function shortTime(at: string | null, nowMs: number): { day: 'today' | 'yesterday' | 'earlier'; text: string } {
  if (!at) return { day: 'earlier', text: '—' }
  const p = parts(new Date(at))
  const date = `${p.year}-${p.month}-${p.day}`
  const time = `${p.hour}:${p.minute}`
  if (date === dayOf(nowMs)) return { day: 'today', text: time }
  if (date === dayBefore(dayOf(nowMs))) return { day: 'yesterday', text: time }
  return { day: 'earlier', text: p.year === dayOf(nowMs).slice(0, 4) ? `${p.month}-${p.day} ${time}` : date }
}

/** The company's calendar day, YYYY-MM-DD. */
export function dayOf(ms: number): string {
  const p = parts(new Date(ms))
  return `${p.year}-${p.month}-${p.day}`
}

/** The moment a calendar day of the company starts, as the API wants it. */
export const startOfDay = (date: string) => startOfDayIn(date, companyZone())

/** The moment a calendar day starts in a zone. */
export function startOfDayIn(date: string, zone: string): string {
  const midnight = Date.parse(`${date}T00:00:00Z`)
  // The first guess may lie on the other side of a change of the clocks; the second is asked at that moment itself.
  const guess = midnight - offsetAt(midnight, zone)
  return new Date(midnight - offsetAt(guess, zone)).toISOString().replace('.000Z', 'Z')
}

/** How far a zone's clocks are ahead of UTC at a moment, in milliseconds. */
function offsetAt(ms: number, zone: string): number {
  const shown = new Intl.DateTimeFormat('en-US', {
    timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  }).formatToParts(ms)
  const p = Object.fromEntries(shown.map((part) => [part.type, Number(part.value)]))
  return Date.UTC(p.year!, p.month! - 1, p.day!, p.hour!, p.minute!, p.second!) - Math.floor(ms / 1000) * 1000
}

/** The calendar day before, whatever the clocks do. */
export const dayBefore = (date: string) => new Date(Date.parse(`${date}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10)
