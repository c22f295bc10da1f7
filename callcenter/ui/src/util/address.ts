import { reactive, watch } from 'vue'
import { useRoute, useRouter, type LocationQuery } from 'vue-router'

/** Filters that live in the page's address: a reload, a link and the browser's back button keep them.
 *
 * Every value is text; one that is as in `usual` is not written. What else stands in the address stays there.
 */
export function useAddressFilters<T extends Record<string, string>>(usual: T): T {
  const route = useRoute()
  const router = useRouter()
  const here = route.name
  const read = (query: LocationQuery) =>
    Object.fromEntries(Object.keys(usual).map((key) => [key, typeof query[key] === 'string' ? query[key] : usual[key]])) as T
  const filters = reactive({ ...read(route.query) }) as T

  watch(filters, () => {
    if (route.name !== here) return
    const others = Object.entries(route.query).filter(([key]) => !(key in usual))
    const chosen = Object.entries(filters).filter(([key, value]) => value !== usual[key])
    const query = Object.fromEntries([...others, ...chosen])
    if (JSON.stringify(sorted(query)) !== JSON.stringify(sorted(route.query))) void router.replace({ query })
  })
  watch(
    () => route.query,
    (query) => {
      if (route.name === here) Object.assign(filters, read(query))
    },
  )
  return filters
}

const sorted = (query: Record<string, unknown>) => Object.entries(query).sort(([a], [b]) => a.localeCompare(b))
