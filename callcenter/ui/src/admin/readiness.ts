import type { EmployeeView } from '@/kit/api'

/** What an employee needs before a call of theirs leaves, in the order in which it is put right. */
export type Need = 'active' | 'verified' | 'seat' | 'number' | 'minutes'

/** What is still missing; whoever may not dial by role, or left, needs nothing. */
export function missing(one: EmployeeView): Need[] {
  if (!one.can_dial || one.account_state === 'departed') return []
  const met: Record<Need, boolean> = {
    active: one.account_state === 'active',
    verified: one.verification === 'verified',
    seat: Boolean(one.seat),
    number: one.seat?.numbers.some((number) => number.state === 'active') ?? false,
    minutes: one.minutes_left > 0,
  }
  return (Object.keys(met) as Need[]).filter((need) => !met[need])
}
