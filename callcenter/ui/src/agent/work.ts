import { api, type CallbackView, type Customer, type MissedView, type VoicemailView } from '@/kit/api'
import { i18n } from '@/i18n'
import { clock } from '@/util/time'
import { shown } from '@/util/format'

const { t } = i18n.global as unknown as { t: (key: string, values?: Record<string, unknown>) => string }

/** What the three lists of callers know alike. */
type Known = Pick<MissedView, 'customer' | 'number' | 'number_display'>

const known = (one: Known): Pick<Work, 'customerId' | 'name' | 'kind' | 'number'> => ({
  customerId: one.customer?.id ?? null,
  name: one.customer?.name ?? shown(one.number_display),
  kind: one.customer?.kind ?? 'personal',
  // Who hides the number cannot be called back.
  number: one.number ? { id: null, dial: one.number } : null,
})

export type WorkTab = 'customers' | 'missed' | 'voicemails' | 'callbacks' | 'todo'

/** One row of the work list, whatever it stands for. */
export interface Work {
  key: string
  testId: string
  customerId: number | null
  name: string
  kind: Customer['kind']
  detail: string
  at: string | null
  number: { id: number | null; dial: string } | null
  /** The call that its row opens. */
  callId?: string
  /** A message that can be heard in its row. */
  voicemail?: VoicemailView
  /** A caller whom the system calls back by itself. */
  callback?: CallbackView
}

/** The server lists these without a search of its own: the few rows are looked through here. */
const found = (rows: Work[], q: string) => rows.filter((row) => !q || `${row.name} ${row.detail} ${row.number?.dial ?? ''}`.includes(q))

export async function loadWork(
  tab: WorkTab,
  q: string,
  employeeId: number,
  signal: AbortSignal,
): Promise<{ rows: Work[]; total: number }> {
  switch (tab) {
    case 'customers': {
      const page = await api('GET /api/customers', { query: { q, owner_id: employeeId, sort: '-last_contact_at', page_size: 100 }, signal })
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
          number: first ? { id: first.id, dial: first.dial } : null,
        }
      })
      return { rows, total: page.total }
    }
    case 'missed': {
      const page = await api('GET /api/missed-calls', { query: { page_size: 100 }, signal })
      const rows = page.items.map((one): Work => ({
        ...known(one),
        key: `missed-${one.number}`,
        callId: one.call_id,
        testId: `missed-row-${one.call_id}`,
        detail: [one.customer ? shown(one.number_display) : '', one.times > 1 ? t('inbound.times', { count: one.times }) : '', t('inbound.waited', { time: clock(one.waited_seconds) })].filter(Boolean).join(' · '),
        at: one.at,
      }))
      return { rows: found(rows, q), total: page.total }
    }
    case 'voicemails': {
      const page = await api('GET /api/voicemails', { query: { page_size: 100 }, signal })
      const rows = page.items.map((one): Work => ({
        ...known(one),
        key: `voicemail-${one.id}`,
        testId: `voicemail-row-${one.id}`,
        detail: [one.customer ? shown(one.number_display) : '', one.heard_by ? t('inbound.heard', { name: one.heard_by.name }) : t('inbound.unheard')].filter(Boolean).join(' · '),
        at: one.at,
        voicemail: one,
      }))
      return { rows: found(rows, q), total: page.total }
    }
    case 'callbacks': {
      const page = await api('GET /api/callbacks', { query: { page_size: 100 }, signal })
      const rows = page.items.map((one): Work => ({
        ...known(one),
        key: `callback-${one.id}`,
        testId: `callback-row-${one.id}`,
        detail: one.state === 'dialling' ? t('inbound.dialling') : [one.group?.name ?? '', one.attempts > 0 ? t('inbound.tried', { count: one.attempts }) : ''].filter(Boolean).join(' · '),
        at: one.queued_at,
        callback: one,
      }))
      return { rows: found(rows, q), total: page.total }
    }
    case 'todo': {
      const page = await api('GET /api/notes', { query: { open: true, q, page_size: 100 }, signal })
      const rows = page.items.map(
        (one): Work => ({
          key: `note-${one.id}`,
          testId: `todo-row-${one.id}`,
          customerId: one.customer.id,
          name: one.customer.name,
          kind: one.customer.kind,
          detail: one.text,
          at: one.at,
          number: null,
        }),
      )
      return { rows, total: page.total }
    }
  }
}
