import { computed, onMounted, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue'
import type { Query } from '@/api/http'
import type { Page } from '@/api/types'
import { errorWords } from './format'

export interface Listing<P> {
  answer: Ref<P | null>
  rows: ComputedRef<P extends Page<infer T> ? T[] : never>
  total: ComputedRef<number>
  page: Ref<number>
  pageSize: Ref<number>
  problem: Ref<string>
  loading: Ref<boolean>
  load: () => Promise<void>
  /** The same again, without the list looking as if it waited. */
  refresh: () => Promise<void>
}

/** One page of a list at a time: asks again when the filter or the page changes, and drops answers that come too late. */
export function useListing<P extends Page<unknown>>(
  fetcher: (query: Query, signal: AbortSignal) => Promise<P>,
  filter: () => Query = () => ({}),
  first: { page?: number; pageSize?: number } = {},
): Listing<P> {
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

  const rows = computed(() => answer.value?.items ?? []) as Listing<P>['rows']
  const total = computed(() => answer.value?.total ?? 0)
  return { answer, rows, total, page, pageSize, problem, loading, load, refresh }
}
