import { ApiError } from '@/kit/api'
import { language, translate } from '@/i18n'

/** What to tell the person about an error, in their language. */
export function errorWords(error: unknown): string {
  if (error instanceof ApiError) return language.value === 'en' ? error.words.en : error.words.zh
  throw error
}

export function roleName(role: { name_zh: string; name_en: string }): string {
  return language.value === 'en' ? role.name_en : role.name_zh
}

const letters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** The characters that stand for a name: a Chinese given name's, else the first letters; whole ones, whatever they are. */
export function initials(name: string): string {
  const clean = name.trim()
  const whole = Array.from(letters.segment(clean), (one) => one.segment)
  if (/\p{Script=Han}/u.test(clean)) return (whole.length > 2 && whole.length <= 4 && whole.every((one) => /\p{Script=Han}/u.test(one)) ? whole.slice(-2) : whole.slice(0, 2)).join('')
  const words = clean.split(/\s+/)
  const first = (word: string | undefined) => (word ? (Array.from(letters.segment(word))[0]?.segment ?? '') : '')
  return (first(words[0]) + first(words[1])).toUpperCase() || '?'
}

export const percent = (share: number | null) => (share === null ? '—' : `${(share * 100).toFixed(1)}%`)

/** A number of this country as it is dialled here, its area code with the 0; others as they are. */
export function local(number: string): string {
  const national = /^\+86(\d+)$/.exec(number)?.[1]
  if (!national) return number
  return /^(?:1[3-9]\d{9}|[48]00\d{7}|1010\d{4})$/.test(national) ? national : `0${national}`
}

/** The caller of a logged call as it is dialled here: who called in and hides the number is said to; "—" where none was shown. */
export const callerOf = (call: { direction: string; caller_number: string }) => (call.direction === 'inbound' ? shown(local(call.caller_number)) : local(call.caller_number) || '—')

/** The called party of a logged call as it is dialled here. */
export const calledOf = (call: { called_number: string }) => local(call.called_number) || '—'

/** The number of one leg: only a customer's can be withheld; an agent's is a phone of ours. */
export const legNumber = (leg: { role: string; number: string }) => (leg.role === 'customer' ? shown(local(leg.number)) : local(leg.number))

/** A caller's number; one who hides it is said to. What is not there yet stays so. */
export const shown = <T extends string | null | undefined>(display: T) => (display === '' ? translate('phone.hiddenNumber') : display)
