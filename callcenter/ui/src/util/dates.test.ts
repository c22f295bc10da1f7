import { describe, expect, it, vi } from 'vitest'

vi.mock('@/stores/session', () => ({ useSession: () => ({ me: { company: { time_zone: 'Asia/Shanghai' } } }) }))
vi.mock('@/stores/live', () => ({ useLive: () => ({ serverNow: () => Date.now() }) }))
vi.mock('@/i18n', () => ({ language: { value: 'zh-CN' } }))

const { rangeOf, rangeOfWhen } = await import('./dates')

/** Sunday the first of March, half past midnight in Shanghai; still February in UTC. */
const NOW = Date.parse('2026-02-28T16:30:00Z')
const midnight = (date: string) => new Date(Date.parse(`${date}T00:00:00+08:00`)).toISOString().replace('.000Z', 'Z')

describe("spans in the company's calendar", () => {
  it.each([
    ['today', '2026-03-01', undefined],
    ['yesterday', '2026-02-28', '2026-03-01'],
    ['this_week', '2026-02-23', undefined],
    ['last_week', '2026-02-16', '2026-02-23'],
    ['this_month', '2026-03-01', undefined],
    ['last_month', '2026-02-01', '2026-03-01'],
  ] as const)('%s', (preset, from, to) => {
    expect(rangeOf(preset, NOW)).toEqual({ from: midnight(from), ...(to ? { to: midnight(to) } : {}) })
  })

  it('reads two days of an address, both included, and takes what it does not know for the usual one', () => {
    expect(rangeOfWhen('2026-02-01~2026-02-28', NOW, 'week')).toEqual({ from: midnight('2026-02-01'), to: midnight('2026-03-01') })
    expect(rangeOfWhen('someday', NOW, 'today')).toEqual(rangeOf('today', NOW))
  })
})
