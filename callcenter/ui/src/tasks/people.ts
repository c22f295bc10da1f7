import { colleagues, type Eligible } from '@/billing/candidates'
import { useLive } from '@/stores/live'
import { useSession } from '@/stores/session'

/** Whom this person may give numbers to: those who make calls, as far as they see them. */
export async function assignees(): Promise<Eligible[]> {
  const session = useSession()
  if (session.may('employees.view')) return (await colleagues()).map((one) => ({ ...one, verified: true }))
  return useLive().agents.map((one) => ({ id: one.id, name: one.name, phone: '', department: one.department, verified: true }))
}

/** Whole percentages that sum to 100, the remainder one each to the first. */
export function evenShares(count: number): number[] {
  if (count === 0) return []
  const each = Math.floor(100 / count)
  return Array.from({ length: count }, (_, index) => each + (index < 100 - each * count ? 1 : 0))
}
