import { listEmployees } from '@/api/organisation'
import type { Candidate } from '@/api/orders'
import type { Employee } from '@/api/types'

/** Everybody here who makes calls, as somebody to choose. */
export async function colleagues(): Promise<Candidate[]> {
  const people: Employee[] = await listEmployees({ state: 'active' })
  return people.filter((one) => one.can_dial).map((one) => ({
    id: one.id,
    name: one.name,
    phone: one.phone ?? '',
    department: one.department?.name ?? '',
    verified: one.verification === 'verified',
  }))
}
