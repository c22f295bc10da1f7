import { listCalls } from '@/api/calls'
import { listCustomers, listOpenNotes } from '@/api/customers'
import type { CustomerKind } from '@/api/types'

export type WorkTab = 'customers' | 'missed' | 'todo'

/** One row of the work list, whatever it stands for. */
export interface Work {
  key: string
  testId: string
  customerId: number | null
  name: string
  kind: CustomerKind
  detail: string
  at: string | null
  number: { id: number | null; dial: string } | null
}

export async function loadWork(
  tab: WorkTab,
  q: string,
  employeeId: number,
  signal: AbortSignal,
): Promise<{ rows: Work[]; total: number }> {
  switch (tab) {
    case 'customers': {
      const page = await listCustomers({ q, owner_id: employeeId, sort: '-last_contact_at', page_size: 100 }, signal)
      const rows = page.items.map((one): Work => {
        const first = one.numbers.find((number) => number.primary) ?? one.numbers[0]
        return {
          key: `customer-${one.id}`,
          testId: `customer-row-${one.id}`,
          customerId: one.id,
          name: one.name,
          kind: one.kind,
          detail: first?.display ?? '',
          at: one.last_contact_at,
          number: first ? { id: first.id, dial: first.number } : null,
        }
      })
      return { rows, total: page.total }
    }
    case 'missed': {
      const page = await listCalls(
        { q, direction: 'inbound', disposition: 'NO ANSWER', sort: '-started_at', page_size: 50 },
        signal,
      )
      const rows = page.items.map(
        (one): Work => ({
          key: `call-${one.id}`,
          testId: `missed-row-${one.id}`,
          customerId: one.customer?.id ?? null,
          name: one.customer?.name ?? one.number_display,
          kind: one.customer?.kind ?? 'personal',
          detail: one.customer ? one.number_display : '',
          at: one.started_at,
          number: { id: null, dial: one.number },
        }),
      )
      return { rows, total: page.total }
    }
    case 'todo': {
      const page = await listOpenNotes(q, signal)
      const rows = page.items.map(
        (one): Work => ({
          key: `note-${one.id}`,
          testId: `todo-row-${one.id}`,
          customerId: one.customer.id,
          name: one.customer.name,
          kind: one.customer.kind ?? 'personal',
          detail: one.text ?? '',
          at: one.at,
          number: null,
        }),
      )
      return { rows, total: page.total }
    }
  }
}
