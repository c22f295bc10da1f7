/** Money is whole fen everywhere but on the screen: this file is the only place that knows about yuan. */

const GROUPS = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })

/** 123450 -> `¥1,234.50`; a negative amount has its sign before the ¥. */
export function money(fen: number): string {
  const sign = fen < 0 ? '−' : ''
  return `${sign}¥${GROUPS.format(Math.abs(fen) / 100)}`
}

/** As `money`, with a plus before what came in. */
export const signedMoney = (fen: number) => (fen > 0 ? `+${money(fen)}` : money(fen))

/** What a price list says: no decimals where there are none. */
export function price(fen: number): string {
  return fen % 100 === 0 ? money(fen).replace(/\.00$/, '') : money(fen)
}

/** The fen of an amount typed in yuan (`1,234.5`, `¥88`), or null for anything else: more than two decimals, signs, words. */
export function parseYuan(text: string): number | null {
  const match = /^[¥￥]?(\d{1,9}|\d{1,3}(?:,\d{3}){1,2})(?:\.(\d{0,2}))?$/.exec(text.trim())
  if (!match) return null
  return Number(match[1]!.replaceAll(',', '')) * 100 + Number((match[2] ?? '').padEnd(2, '0'))
}

/** For an input: 12345 -> `123.45`, 8800 -> `88`. */
export function yuanText(fen: number | null): string {
  if (fen === null) return ''
  return fen % 100 === 0 ? String(fen / 100) : (fen / 100).toFixed(2)
}
