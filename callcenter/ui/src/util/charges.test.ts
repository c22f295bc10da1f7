import { describe, expect, it } from 'vitest'
import { chargesOf } from './charges'

const entry = (kind: string, account: string, minutes: number) => ({ at: '2026-03-01T00:00:00Z', call_id: 'c', kind, account, minutes, duration_seconds: null, number: null })
const said = (...rows: ReturnType<typeof entry>[]) => chargesOf(rows).map((one) => [one.kind, one.minutes])

describe("the lines of a call's minutes", () => {
  it('says each movement once: held, held longer, charged, given back', () => {
    expect(
      said(
        entry('reserve', 'available', -2), entry('reserve', 'reserved', 2),
        entry('reserve', 'available', -1), entry('reserve', 'reserved', 1),
        entry('settle', 'reserved', -2), entry('settle', 'used', 2),
        entry('release', 'reserved', -1), entry('release', 'available', 1),
      ),
    ).toEqual([['reserve', 2], ['extend', 1], ['settle', 2], ['release', 1]])
  })
  it('says what a settlement itself gave back', () =>
    expect(said(entry('settle', 'reserved', -2), entry('settle', 'used', 1), entry('settle', 'available', 1))).toEqual([['settle', 1], ['release', 1]]))
})
