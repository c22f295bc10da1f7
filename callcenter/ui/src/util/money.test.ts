import { describe, expect, it } from 'vitest'
import { money, parseYuan, price, signedMoney, yuanText } from './money'

describe('money', () => {
  it('shows fen as yuan with two decimals and groups of three', () => {
    expect(money(123450)).toBe('¥1,234.50')
    expect(money(0)).toBe('¥0.00')
    expect(money(-300)).toBe('−¥3.00')
    expect(signedMoney(500)).toBe('+¥5.00')
    expect(price(16800)).toBe('¥168')
    expect(price(16850)).toBe('¥168.50')
  })

  it('reads what people type', () => {
    expect(parseYuan('88')).toBe(8800)
    expect(parseYuan('¥1,234.5')).toBe(123450)
    expect(parseYuan(' 0.07 ')).toBe(7)
    expect(parseYuan('12.')).toBe(1200)
    expect(parseYuan('4664.11')).toBe(466411)
  })

  it('refuses more than two decimals and everything that is no amount', () => {
    for (const text of ['1.234', '-5', '1e3', 'abc', '', '1,23', '.', '12.3.4']) expect(parseYuan(text)).toBeNull()
  })

  it('fills an input the way it was typed', () => {
    expect(yuanText(8800)).toBe('88')
    expect(yuanText(8850)).toBe('88.50')
    expect(yuanText(null)).toBe('')
  })
})
