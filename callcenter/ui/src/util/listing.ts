import { computed, onMounted, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue'
import { api, type AnswerOf, type GetRoute, type ListRoute, type Query, type QueryOf } from '@/kit/api'
import { errorWords } from './format'

interface Page {
  items: unknown[]
  total: number
}

export interface Listing<P extends Page> {
  answer: Ref<P | null>
  rows: ComputedRef<P['items']>
  total: ComputedRef<number>
  page: Ref<number>
  pageSize: Ref<number>
  problem: Ref<string>
  loading: Ref<boolean>
  load: () => Promise<void>
  /** The same again, without the list looking as if it waited. */
  refresh: () => Promise<void>
}

type Fetcher<P, Q> = (query: Q & { page: number; page_size: number }, signal: AbortSignal) => Promise<P>
interface First {
  page?: number
  pageSize?: number
}

/**
 * One page of a list at a time: asks again when the filter or the page changes, and drops answers that come too late.
 * The list is a route of the server, or whatever answers like one.
 */
export function useListing<R extends ListRoute>(route: R, filter?: () => QueryOf<R>, first?: First): Listing<AnswerOf<R>>
export function useListing<P extends Page, Q extends Query>(fetcher: Fetcher<P, Q>, filter?: () => Q, first?: First): Listing<P>
export function useListing<P extends Page>(list: ListRoute | Fetcher<P, Query>, filter: () => Query = () => ({}), first: First = {}): Listing<P> {
  const fetcher = typeof list === 'string' ? fetcherOf<P>(list) : list
  const answer = shallowRef<P | null>(null) as Ref<P | null>
  const page = ref(first.page || 1)
  const pageSize = ref(first.pageSize || 20)
  const problem = ref('')
  const loading = ref(false)
  let asking = new AbortController()
  let timer = 0

  async function ask(quietly: boolean): Promise<void> {
    asking.abort()
    asking = new AbortController()
    const { signal } = asking
    if (!quietly) loading.value = true
    problem.value = ''
    try {
      const got = await fetcher({ ...filter(), page: page.value, page_size: pageSize.value }, signal)
      if (!signal.aborted) answer.value = got
    } catch (error) {
      if (signal.aborted) return
      problem.value = errorWords(error)
    } finally {
      if (!signal.aborted) loading.value = false
    }
  }

  const load = () => ask(false)
  const refresh = () => ask(true)

  const soon = () => {
    window.clearTimeout(timer)
    timer = window.setTimeout(() => void load(), 150)
  }
  watch(
    () => JSON.stringify(filter()),
    () => {
      page.value = 1
      soon()
    },
  )
  watch([page, pageSize], soon)
  onMounted(load)

  const rows = computed(() => answer.value?.items ?? [])
  const total = computed(() => answer.value?.total ?? 0)
  return { answer, rows, total, page, pageSize, problem, loading, load, refresh }
}

const fetcherOf = <P>(route: GetRoute): Fetcher<P, Query> => (query, signal) => api(route as 'GET /api/calls', { query, signal }) as Promise<unknown> as Promise<P>
