/** What the live link knows, as one immutable value and pure functions over it. */
import type { Delta, LiveEntities, Passed, Pong, Resumed, Snapshot } from '@/kit/api'

export type { Snapshot }
export type Entities = { readonly [K in keyof LiveEntities]: Readonly<LiveEntities[K]> }
export type EntityKind = keyof Entities

export interface LiveState {
  readonly epoch: string | null
  readonly seq: number
  readonly entities: Entities
}

export type ServerMessage = Snapshot | Resumed | Delta | Passed | Pong

const nothing: Entities = { agent: {}, call: {}, queue: {}, stats: {}, system: {} }

export const initialLive: LiveState = { epoch: null, seq: 0, entities: nothing }

export function applySnapshot(snapshot: Snapshot): LiveState {
  return { epoch: snapshot.epoch, seq: snapshot.seq, entities: { ...nothing, ...snapshot.entities } }
}

const isKind = (kind: string): kind is EntityKind => Object.hasOwn(nothing, kind)

/** A delta that was already applied (a replay after a resume) changes nothing. */
export function applyDelta(state: LiveState, delta: Pick<Delta, 'type' | 'seq' | 'now'> & Partial<Delta>): LiveState {
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
  for (const [kind, id, value] of (delta.set ?? []) as [string, string, unknown][]) if (isKind(kind)) writable(kind)[id] = value
  for (const [kind, id] of (delta.del ?? []) as [string, string][]) if (isKind(kind)) delete writable(kind)[id]
  return { epoch: state.epoch, seq: delta.seq, entities: entities as unknown as Entities }
}

export function applyEvent(state: LiveState, event: Pick<Passed, 'type' | 'seq' | 'name' | 'data'>): LiveState {
  return event.seq > state.seq ? { ...state, seq: event.seq } : state
}
