import { describe, expect, it } from 'vitest'
import { evenShares } from './people'

describe('even shares', () => {
  it('sum to 100 for any number of people', () => {
    for (let count = 1; count <= 100; count += 1) expect(evenShares(count).reduce((sum, one) => sum + one, 0)).toBe(100)
  })

  it('give the remainder to the first', () => {
    expect(evenShares(3)).toEqual([34, 33, 33])
    expect(evenShares(0)).toEqual([])
  })
})
