import { rowsOf, type Candidate } from '@/kit/api'

/** Somebody to choose; what they have is known where it is bought for them. */
export type Eligible = Omit<Candidate, 'offers_left' | 'packages'> & Partial<Candidate>

/** Everybody here who makes calls, as somebody to choose. */
export async function colleagues(): Promise<Eligible[]> {
  const people = await rowsOf('GET /api/employees', { state: 'active' })
  return people.filter((one) => one.can_dial).map((one) => ({
    id: one.id,
    name: one.name,
    phone: one.phone,
    department: one.department?.name ?? '',
    verified: one.verification === 'verified',
  }))
}
