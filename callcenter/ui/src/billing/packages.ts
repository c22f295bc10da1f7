/** How a package is shown: its tone, what may be done with it. */
import type { PackageView } from '@/kit/api'

export type PackageState = PackageView['state']

export const STATES: PackageState[] = ['low', 'used_up', 'sufficient', 'future', 'expired']
export const TONE: Record<PackageState, string> = { sufficient: 'good', low: 'warn', used_up: 'bad', future: 'accent', expired: '' }

export const over = (one: PackageView) => one.state === 'expired'
export const users = (one: PackageView) => (one.employee ? [one.employee] : one.members)

export type PackageMove = 'assign' | 'renew' | 'add' | 'top_up' | 'hand_over'

/** What may be done with it now, the likeliest first. */
export function movesOf(one: PackageView): PackageMove[] {
  const moves: PackageMove[] = []
  if (!over(one) && one.kind === 'non_shared' && one.employee === null) moves.push('assign')
  if (!over(one) && one.kind === 'shared' && one.assignable > 0) moves.push('assign')
  if (one.offering_id !== null && one.kind !== 'top_up') moves.push('renew')
  if (one.offering_id !== null && !over(one) && (one.kind === 'shared' || one.kind === 'non_shared')) moves.push('add')
  if (!over(one) && one.state !== 'future' && one.kind !== 'top_up' && users(one).length > 0) moves.push('top_up')
  if (!over(one) && one.kind !== 'top_up' && users(one).length > 0) moves.push('hand_over')
  return moves
}
