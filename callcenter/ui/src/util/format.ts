import { ApiError } from '@/api/http'
import { language } from '@/i18n'

/** What to tell the person about an error, in their language. */
export function errorWords(error: unknown): string {
  if (error instanceof ApiError) return language.value === 'en' ? error.words.en : error.words.zh
  throw error
}

export function roleName(role: { name_zh: string; name_en: string }): string {
  return language.value === 'en' ? role.name_en : role.name_zh
}

/** The character that stands for a name: a Chinese given name's first, else the first letters. */
export function initials(name: string): string {
  const clean = name.trim()
  if (/[\u4e00-\u9fff]/.test(clean)) return clean.length > 2 && clean.length <= 4 ? clean.slice(-2) : clean.slice(0, 2)
  const words = clean.split(/\s+/)
  return ((words[0]?.[0] ?? '') + (words[1]?.[0] ?? '')).toUpperCase() || '?'
}

/** True when what was typed is meant to be dialled rather than searched. */
export const looksLikeNumber = (text: string) => /^[+\d*#][\d\s\-*#()]{1,}$/.test(text.trim())

export const percent = (share: number | null) => (share === null ? '—' : `${(share * 100).toFixed(1)}%`)

/** A number of this country without its country code; others as they are. */
export const local = (number: string) => number.replace(/^\+86(?=\d)/, '')

/** Groups what is being typed the way numbers are read in China. */
export function groupDigits(number: string): string {
  const match = /^(\+?86)?(1\d{2})(\d{0,4})(\d{0,4})$/.exec(number)
  return match ? [match[1], match[2], match[3], match[4]].filter(Boolean).join(' ') : number
}
