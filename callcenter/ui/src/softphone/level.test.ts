import { expect, it } from 'vitest'
import { loudest } from './level'

it('hears a short sound between two looks, whatever its sign', () => {
  expect(loudest(new Float32Array([0, 0.01, -0.5, 0, 0.25]))).toBe(0.5)
  expect(loudest(new Float32Array(8))).toBe(0)
})
