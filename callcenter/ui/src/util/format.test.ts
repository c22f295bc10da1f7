import { describe, expect, it } from 'vitest'
import { initials, local } from './format'
import vectors from './numbers.vectors.json'

describe('numbers at home', () => {
  // The server is held to the same list, so both write a number alike.
  it.each(vectors as [string, string][])('%s is %s', (e164, dialled) => expect(local(e164)).toBe(dialled))
  it('leaves foreign numbers as they are', () => expect(local('+14155552671')).toBe('+14155552671'))
})

describe('the mark of a name', () => {
  it.each([
    ['张三丰', '三丰'],
    ['𠮷野家', '野家'],
    ['𠮷', '𠮷'],
    ['👩‍💻小王', '👩‍💻小'],
    ['🙂 Bob', '🙂B'],
    ['Ann Lee', 'AL'],
    ['', '?'],
  ])('%s is %s', (name, mark) => expect(initials(name)).toBe(mark))
})
