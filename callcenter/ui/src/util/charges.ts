import type { ChargeView } from '@/kit/api'

/** What one line of a call's minutes was: held before dialling, held for a longer talk, charged, or given back. */
export interface Charge {
  at: string
  kind: 'reserve' | 'extend' | 'settle' | 'release'
  minutes: number
}

/** The two sides of every posting as one line that says what it was; the order of the postings stays. */
export function chargesOf(entries: Pick<ChargeView, 'at' | 'kind' | 'account' | 'minutes'>[]): Charge[] {
  const held = entries.find((one) => one.kind === 'reserve' && one.account === 'reserved')
  return entries.flatMap((one): Charge[] => {
    const { at, kind, account, minutes } = one
    if (kind === 'reserve' && account === 'reserved') return [{ at, kind: one === held ? 'reserve' : 'extend', minutes }]
    if (kind === 'settle' && account === 'used') return [{ at, kind, minutes }]
    if ((kind === 'settle' || kind === 'release') && account === 'available' && minutes > 0) return [{ at, kind: 'release', minutes }]
    return []
  })
}
