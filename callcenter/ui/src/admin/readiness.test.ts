import { describe, expect, it } from 'vitest'
import { missing } from './readiness'
import type { EmployeeView } from '@/kit/api'

const ready = {
  can_dial: true,
  account_state: 'active',
  verification: 'verified',
  seat: { numbers: [{ state: 'active' }] },
  minutes_left: 1,
} as unknown as EmployeeView

describe('what an employee needs before a call', () => {
  it('is nothing once all is there', () => expect(missing(ready)).toEqual([]))
  it('names each thing that is missing, in its order', () => {
    const bare = { ...ready, account_state: 'disabled', verification: 'unverified', seat: null, minutes_left: 0 } as unknown as EmployeeView
    expect(missing(bare)).toEqual(['active', 'verified', 'seat', 'number', 'minutes'])
  })
  it('counts no number that is not active', () => {
    const seat = { numbers: [{ state: 'inactive' }] }
    expect(missing({ ...ready, seat } as unknown as EmployeeView)).toEqual(['number'])
  })
  it('asks nothing of those who do not dial, or left', () => {
    expect(missing({ ...ready, can_dial: false, seat: null })).toEqual([])
    expect(missing({ ...ready, account_state: 'departed', seat: null })).toEqual([])
  })
})
