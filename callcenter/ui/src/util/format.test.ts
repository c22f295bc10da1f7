import { describe, expect, it } from 'vitest'
import { calledOf, callerOf, initials, legNumber, local, shown } from './format'
import vectors from './numbers.vectors.json'

describe('numbers at home', () => {
  // The server is held to the same list, so both write a number alike.
  it.each(vectors as [string, string][])('%s is %s', (e164, dialled) => expect(local(e164)).toBe(dialled))
  it('leaves foreign numbers as they are', () => expect(local('+14155552671')).toBe('+14155552671'))
})

describe('callers who hide their number', () => {
  const hidden = '号码未显示'
  it('are said to, where somebody called in', () => {
    expect(shown('')).toBe(hidden)
    expect(shown(undefined)).toBeUndefined()
    expect(callerOf({ direction: 'inbound', caller_number: '' })).toBe(hidden)
    expect(callerOf({ direction: 'inbound', caller_number: '+862160000101' })).toBe('02160000101')
  })
  it('are not those who called out without a number, nor phones of ours', () => {
    expect(callerOf({ direction: 'outbound', caller_number: '' })).toBe('—')
    expect(calledOf({ called_number: '' })).toBe('—')
    expect(legNumber({ role: 'customer', number: '' })).toBe(hidden)
    expect(legNumber({ role: 'agent', number: '' })).toBe('')
  })
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
