import { newKey } from './key'

/** A key per thing that is bought: asking again after a lost answer uses the same key, asking for something else a new one. */
export function useSpendKey(): (body: unknown) => string {
  let asked = ''
  let key = ''
  return (body) => {
    const text = JSON.stringify(body)
    if (text !== asked) {
      asked = text
      key = newKey()
    }
    return key
  }
}
