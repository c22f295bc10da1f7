import { describe, expect, it } from 'vitest'
import { dayBefore, startOfDayIn } from './time'

describe('a day of the company begins at its own midnight', () => {
  it.each([
    // Clocks go forward, and back, on these days.
    ['2026-03-08', 'America/New_York', '2026-03-08T05:00:00Z'],
    ['2026-03-09', 'America/New_York', '2026-03-09T04:00:00Z'],
    ['2026-11-01', 'America/New_York', '2026-11-01T04:00:00Z'],
    ['2026-11-02', 'America/New_York', '2026-11-02T05:00:00Z'],
    ['2026-03-29', 'Europe/London', '2026-03-29T00:00:00Z'],
    ['2026-03-30', 'Europe/London', '2026-03-29T23:00:00Z'],
    ['2026-10-04', 'Australia/Sydney', '2026-10-03T14:00:00Z'],
    ['2026-10-05', 'Australia/Sydney', '2026-10-04T13:00:00Z'],
    ['2026-11-27', 'Asia/Shanghai', '2026-11-26T16:00:00Z'],
  ])('%s in %s', (date, zone, start) => expect(startOfDayIn(date, zone)).toBe(start))
  it('knows the day before by the calendar', () => expect(dayBefore('2026-03-01')).toBe('2026-02-28'))
})
