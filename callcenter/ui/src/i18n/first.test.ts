import { describe, expect, it } from 'vitest'
import { firstLanguage } from './first'

describe('the first language', () => {
  it('is the one chosen before', () => {
    expect(firstLanguage('en', ['zh-CN'])).toBe('en')
    expect(firstLanguage('zh-CN', ['en-US'])).toBe('zh-CN')
  })

  it('is otherwise the first of the browser that we speak', () => {
    expect(firstLanguage(null, ['zh'])).toBe('zh-CN')
    expect(firstLanguage(null, ['zh-Hant-TW', 'en'])).toBe('zh-CN')
    expect(firstLanguage(null, ['en-GB', 'zh-CN'])).toBe('en')
    expect(firstLanguage(null, ['fr-FR', 'zh-CN', 'en'])).toBe('zh-CN')
  })

  it('is English for everybody else', () => {
    expect(firstLanguage(null, ['de-DE'])).toBe('en')
    expect(firstLanguage('', [])).toBe('en')
  })
})
