/** Who is in a call, who hears whom, and what can be done about it: pure functions over the live entity. */
import type { LiveCall, LiveLeg } from '@/kit/api'

const state = (leg: LiveLeg) => leg.state.toLowerCase()

export const isOver = (leg: LiveLeg) => ['null', 'failed', 'ended', 'hangup'].includes(state(leg))
/** Answered, whether it hears anybody or waits with music. */
export const isUp = (leg: LiveLeg) => ['connected', 'held', 'answered', 'talking', 'up'].includes(state(leg))
export const isHeld = (leg: LiveLeg) => state(leg) === 'held' || leg.place === 'held' || leg.place === 'waiting'

export function alive(call: LiveCall, role: LiveLeg['role']): LiveLeg | null {
  const legs = call.legs.filter((leg) => leg.role === role && !isOver(leg))
  return legs.find(isUp) ?? legs[0] ?? null
}

/** The leg of this employee, if the call has one that is not over. */
export function legOf(call: LiveCall, employeeId: number): LiveLeg | null {
  const owns = (leg: LiveLeg) =>
    leg.employee_id === employeeId || (leg.role === 'agent' && leg.employee_id == null && call.employee?.id === employeeId)
  return call.legs.find((leg) => owns(leg) && !isOver(leg)) ?? null
}

/** Parties with the same answer hear each other; null hears nobody of the call. A supervisor is in no room before a take-over. */
export function roomOf(call: LiveCall, leg: LiveLeg): string | null {
  if (!isUp(leg) || isHeld(leg)) return null
  if (leg.role === 'supervisor') return leg.place === 'talking' ? 'room' : null
  if (leg.place === 'consulting') return 'consult'
  if (leg.place === 'transfer' || leg.place === 'return') return 'transfer'
  if (leg.place) return 'room'
  if (leg.role === 'third' && alive(call, 'agent')?.place === 'consulting') return 'consult'
  const moved = leg.role === 'customer' ? '' : (alive(call, 'customer')?.place ?? '')
  if (moved === 'return' || (moved === 'transfer' && leg.role === 'third')) return 'transfer'
  return 'room'
}

export interface Party {
  leg: LiveLeg
  /** Hears somebody of the call now. */
  connected: boolean
  /** Hears the party of the row above. */
  joined: boolean
}

const ORDER: Record<LiveLeg['role'], number> = { customer: 0, agent: 1, third: 2, supervisor: 3 }

/** Who has left stands last, so that no line has to cross them. */
const rank = (leg: LiveLeg) => ORDER[leg.role] + (isOver(leg) ? 10 : 0)

/** The rows to show: everybody who is there, and the agent and the customer even after they have left. */
export function partiesOf(call: LiveCall): Party[] {
  const shown = call.legs.filter((leg) => {
    if (!isOver(leg)) return true
    if (leg.role !== 'agent' && leg.role !== 'customer') return false
    const same = call.legs.filter((one) => one.role === leg.role)
    return same.every(isOver) && same.at(-1) === leg
  })
  const rooms = shown.map((leg) => ({ leg, room: roomOf(call, leg) })).sort((one, two) => rank(one.leg) - rank(two.leg))
  return rooms.map(({ leg, room }, index) => ({
    leg,
    connected: room !== null,
    joined: room !== null && index > 0 && rooms[index - 1]?.room === room,
  }))
}

export interface Possible {
  /** Ask or pass on: agent and customer are there and nobody else. */
  transfer: boolean
  cancel: boolean
  /** The third party has answered and the three do not talk together: complete, swap, three-way. */
  third: boolean
  conference: boolean
  hold: boolean
  resume: boolean
}

const NOTHING: Possible = { transfer: false, cancel: false, third: false, conference: false, hold: false, resume: false }

/** What the server would accept from the agent of this call now. */
export function possible(call: LiveCall, employeeId: number): Possible {
  const mine = legOf(call, employeeId)
  const customer = alive(call, 'customer')
  if (mine?.role !== 'agent' || !isUp(mine) || !customer || !isUp(customer)) return NOTHING
  const third = alive(call, 'third')
  if (!third) return { ...NOTHING, transfer: true, hold: !isHeld(customer), resume: isHeld(customer) }
  const rooms = [mine, customer, third].map((leg) => roomOf(call, leg))
  const conference = rooms[0] !== null && rooms.every((room) => room === rooms[0])
  return { ...NOTHING, cancel: !conference, third: !conference && isUp(third), conference, hold: conference }
}
