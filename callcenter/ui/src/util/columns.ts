import { computed, ref } from 'vue'
import { useSession } from '@/stores/session'

export interface Choosable {
  key: string
  label: string
}

/** Which columns of a list somebody wants to see; this browser keeps it for each person. Those of `always` cannot be put away. */
export function useColumns(list: string, all: () => Choosable[], usual: string[], always: string[] = []) {
  const session = useSession()
  const place = () => `callcenter.columns.${list}.${session.me?.id ?? 0}`
  const chosen = ref<string[]>(kept() ?? usual)

  function kept(): string[] | null {
    try {
      const found: unknown = JSON.parse(localStorage.getItem(place()) ?? 'null')
      return Array.isArray(found) && found.every((one) => typeof one === 'string') ? found : null
    } catch {
      return null
    }
  }

  function choose(keys: string[]): void {
    chosen.value = keys
    localStorage.setItem(place(), JSON.stringify(keys))
  }

  function reset(): void {
    chosen.value = usual
    localStorage.removeItem(place())
  }

  const has = (key: string) => always.includes(key) || chosen.value.includes(key)
  const optional = computed(() => all().filter((one) => !always.includes(one.key)))
  return { chosen, optional, has, choose, reset }
}
