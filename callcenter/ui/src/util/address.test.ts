import { effectScope, nextTick, reactive } from 'vue'
import { beforeEach, describe, expect, it, vi } from 'vitest'

const route = reactive({ name: 'calls', query: {} as Record<string, string> })
const replace = vi.fn(({ query }: { query: Record<string, string> }) => (route.query = query))
vi.mock('vue-router', () => ({ useRoute: () => route, useRouter: () => ({ replace }) }))

const { useAddressFilters } = await import('./address')
const opened = () => effectScope().run(() => useAddressFilters({ when: 'week', q: '', page: '1' }))!

describe("filters in a page's address", () => {
  beforeEach(() => {
    route.name = 'calls'
    route.query = {}
    replace.mockClear()
  })

  it('writes what differs from the usual, and keeps what else stands there', async () => {
    route.query = { other: 'x' }
    const filters = opened()
    filters.q = '王芳'
    await nextTick()
    expect(route.query).toEqual({ other: 'x', q: '王芳' })
    filters.q = ''
    await nextTick()
    expect(route.query).toEqual({ other: 'x' })
  })

  it('reads them again after a reload, and follows the back button', async () => {
    route.query = { when: 'last_month', page: '3' }
    const filters = opened()
    expect(filters).toEqual({ when: 'last_month', q: '', page: '3' })
    route.query = { when: 'today' }
    await nextTick()
    expect(filters).toEqual({ when: 'today', q: '', page: '1' })
  })

  it('leaves the address of another page alone', async () => {
    const filters = opened()
    route.name = 'customers'
    filters.q = 'late'
    await nextTick()
    expect(replace).not.toHaveBeenCalled()
  })
})
