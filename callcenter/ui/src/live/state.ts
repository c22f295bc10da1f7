/** What the live link knows, as one immutable value and pure functions over it. */
import type { LiveQueue } from '@/api/inbound'
import type { LiveAgent, LiveCall, LiveStats, LiveSystem } from '@/api/types'

export interface Entities {
  readonly agent: Readonly<Record<string, LiveAgent>>
  readonly call: Readonly<Record<string, LiveCall>>
  readonly queue: Readonly<Record<string, LiveQueue>>
  readonly stats: Readonly<Record<string, LiveStats>>
  readonly system: Readonly<Record<string, LiveSystem>>
}

export type EntityKind = keyof Entities

export interface LiveState {
  readonly epoch: string | null
  readonly seq: number
  readonly entities: Entities
}

export interface Snapshot {
  type: 'snapshot'
  epoch: string
  seq: number
  now: string
  entities: Partial<Entities>
}

export interface Delta {
  type: 'delta'
  seq: number
  now: string
  set?: [string, string, unknown][]
  del?: [string, string][]
}

export interface LiveEvent {
  type: 'event'
  seq: number
  name: string
  data: unknown
}

export interface Resumed {
  type: 'resumed'
  now: string
}

export type ServerMessage = Snapshot | Resumed | Delta | LiveEvent | { type: 'pong' }

const nothing: Entities = { agent: {}, call: {}, queue: {}, stats: {}, system: {} }

export const initialLive: LiveState = { epoch: null, seq: 0, entities: nothing }

export function applySnapshot(snapshot: Snapshot): LiveState {
  return { epoch: snapshot.epoch, seq: snapshot.seq, entities: { ...nothing, ...snapshot.entities } }
}

const isKind = (kind: string): kind is EntityKind => Object.hasOwn(nothing, kind)

/** A delta that was already applied (a replay after a resume) changes nothing. */
export function applyDelta(state: LiveState, delta: Delta): LiveState {
  if (delta.seq <= state.seq) return state
  const entities: Record<EntityKind, Record<string, unknown>> = { ...state.entities } as never
  const touched = new Set<EntityKind>()
  const writable = (kind: EntityKind) => {
    if (!touched.has(kind)) {
      touched.add(kind)
      entities[kind] = { ...entities[kind] }
    }
    return entities[kind]
  }
  for (const [kind, id, value] of delta.set ?? []) if (isKind(kind)) writable(kind)[id] = value
  for (const [kind, id] of delta.del ?? []) if (isKind(kind)) delete writable(kind)[id]
  return { epoch: state.epoch, seq: delta.seq, entities: entities as unknown as Entities }
}

export function applyEvent(state: LiveState, event: LiveEvent): LiveState {
  return event.seq > state.seq ? { ...state, seq: event.seq } : state
}
