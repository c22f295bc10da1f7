import { describe, expect, it } from 'vitest'
import { applyDelta, applyEvent, applySnapshot, initialLive, type Snapshot } from './state'

const snapshot = {
  type: 'snapshot',
  epoch: 'e1',
  seq: 10,
  now: '2026-03-09T01:00:00Z',
  entities: { call: { a: { id: 'a', state: 'talking' }, b: { id: 'b', state: 'queued' } } },
} as unknown as Snapshot

describe('the live state', () => {
  it('is replaced by a snapshot, kinds that are not sent are empty', () => {
    const state = applySnapshot(snapshot)
    expect(Object.keys(state.entities.call)).toEqual(['a', 'b'])
    expect(state.entities.agent).toEqual({})
  })

  it('sets and removes what a delta names and leaves the rest untouched', () => {
    const before = applySnapshot(snapshot)
    const after = applyDelta(before, { type: 'delta', seq: 12, now: '', set: [['call', 'c', { id: 'c' }]], del: [['call', 'a']] })
    expect(Object.keys(after.entities.call)).toEqual(['b', 'c'])
    expect(after.seq).toBe(12)
    expect(after.entities.call['b']).toBe(before.entities.call['b'])
    expect(Object.keys(before.entities.call)).toEqual(['a', 'b'])
  })

  it('ignores a delta it has already applied', () => {
    const state = applySnapshot(snapshot)
    expect(applyDelta(state, { type: 'delta', seq: 10, now: '', del: [['call', 'a']] })).toBe(state)
  })

  it('ignores kinds it does not know', () => {
    const after = applyDelta(initialLive, { type: 'delta', seq: 1, now: '', set: [['weather', 'x', {}]] })
    expect(after.entities).toEqual(initialLive.entities)
  })

  it('reaches the same end whether or not the stream was replayed after a gap', () => {
    const deltas = Array.from({ length: 200 }, (_, n) => ({
      type: 'delta' as const,
      seq: 11 + n,
      now: '',
      set: [['call', String(n % 7), { id: String(n % 7), n }]] as [string, string, unknown][],
      del: n % 5 === 0 ? ([['call', String((n + 3) % 7)]] as [string, string][]) : [],
    }))
    const straight = deltas.reduce(applyDelta, applySnapshot(snapshot))
    let broken = applySnapshot(snapshot)
    for (let at = 0; at < deltas.length; at += 20) broken = deltas.slice(Math.max(0, at - 7), at + 20).reduce(applyDelta, broken)
    expect(broken).toEqual(straight)
  })

  it('moves on with an event', () => {
    expect(applyEvent(applySnapshot(snapshot), { type: 'event', seq: 11, name: 'pop', data: {} }).seq).toBe(11)
  })
})
