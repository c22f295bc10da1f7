import { expect, it } from 'vitest'
import { mayReload } from './freshness'

it('reloads once, and again only when that was long ago', () => {
  const kept = new Map<string, string>()
  const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, text: string) => void kept.set(key, text) }
  const now = 1_800_000_000_000
  expect([now, now + 1000, now + 59_000, now + 61_000].map((at) => mayReload(at, storage))).toEqual([true, false, false, true])
})
