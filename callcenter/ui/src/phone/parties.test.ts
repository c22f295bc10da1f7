import { describe, expect, it } from 'vitest'
import type { LiveCall, LiveLeg } from '@/kit/api'
import { legOf, partiesOf, possible } from './parties'

const leg = (role: LiveLeg['role'], state: LiveLeg['state'] = 'connected', place: LiveLeg['place'] = '', employee_id: number | null = role === 'agent' ? 1 : null): LiveLeg => ({
  id: role, role, state, place, number: '', employee_id, name: '', device: null, phone_hold: false, muted: false,
})
const call = (...legs: LiveLeg[]) => ({ id: 'c', employee: { id: 1, name: '' }, legs }) as unknown as LiveCall
const lines = (one: LiveCall) => partiesOf(one).map((party) => `${party.leg.role}${party.joined ? '+' : ''}`).join(' ')

describe('who hears whom', () => {
  it('joins agent and customer while they talk', () => {
    expect(lines(call(leg('agent'), leg('customer')))).toBe('customer agent+')
  })
  it('joins nobody while the customer is held', () => {
    expect(lines(call(leg('agent', 'connected', 'waiting'), leg('customer', 'held', 'held')))).toBe('customer agent')
    expect(lines(call(leg('agent', 'held'), leg('customer')))).toBe('customer agent')
  })
  it('joins agent and third in a consultation once the third has answered', () => {
    const held = leg('customer', 'held', 'held')
    const agent = leg('agent', 'connected', 'consulting')
    expect(lines(call(agent, held, leg('third', 'alerting')))).toBe('customer agent third')
    expect(lines(call(agent, held, leg('third')))).toBe('customer agent third+')
  })
  it('follows a swap, a three-way call and a completed transfer', () => {
    const talking = (role: LiveLeg['role']) => leg(role, 'connected', 'talking')
    expect(lines(call(talking('agent'), talking('customer'), leg('third', 'held', 'held')))).toBe('customer agent+ third')
    expect(lines(call(talking('agent'), talking('customer'), talking('third')))).toBe('customer agent+ third+')
    expect(lines(call(leg('agent', 'null'), leg('customer', 'connected', 'transfer'), leg('third')))).toBe('customer third+ agent')
  })
  it('shows a supervisor without a line and a past third not at all', () => {
    expect(lines(call(leg('agent'), leg('customer'), leg('third', 'failed'), leg('supervisor', 'connected', 'listen', 9)))).toBe('customer agent+ supervisor')
  })
})

describe('what is possible', () => {
  it('offers a transfer and hold in a plain call, and nothing to others', () => {
    const plain = call(leg('agent'), leg('customer'), leg('supervisor', 'connected', 'listen', 9))
    expect(possible(plain, 1)).toMatchObject({ transfer: true, hold: true, resume: false, cancel: false })
    expect(possible(plain, 9)).toMatchObject({ transfer: false, hold: false })
    expect(legOf(plain, 9)?.role).toBe('supervisor')
  })
  it('offers only to cancel while the third rings, all three moves once it talks', () => {
    const with3 = (state: LiveLeg['state']) => call(leg('agent', 'connected', 'consulting'), leg('customer', 'held', 'held'), leg('third', state))
    expect(possible(with3('alerting'), 1)).toMatchObject({ transfer: false, cancel: true, third: false, conference: false, hold: false })
    expect(possible(with3('connected'), 1)).toMatchObject({ cancel: true, third: true, conference: false })
  })
  it('offers to drop in a three-way call', () => {
    const all = call(leg('agent', 'connected', 'talking'), leg('customer', 'connected', 'talking'), leg('third', 'connected', 'talking'))
    expect(possible(all, 1)).toMatchObject({ cancel: false, third: false, conference: true, hold: true })
  })
})
