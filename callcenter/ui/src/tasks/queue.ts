import { computed, nextTick, onMounted, onScopeDispose, ref, watch, type Ref } from 'vue'
import { api, type AnswerOf, type QueryOf } from '@/kit/api'
import { useDesk } from '@/stores/desk'
import { useLead } from '@/stores/lead'
import { useLive } from '@/stores/live'
import { usePhone } from '@/stores/phone'
import { useListing } from '@/util/listing'
import { composing, isTyping } from '@/util/shortcuts'
import { narrow } from '@/util/viewport'

export type View = 'undialled' | 'dialled' | 'all'

type Mine = 'GET /api/dial-centre/numbers'
/** `trail`: what was called last, the latest first; it stays in sight above what comes next. */
type Queue = AnswerOf<Mine> & { trail: AnswerOf<Mine>['items'] }

const TRAIL = 3
const TRAIL_HOURS = 12

/**
 * The agent's numbers in the order they are called, the one that is next, and how the page moves on: the call, its
 * result on the card of the phone column, then the number after it. Enter asks for `more` when none is left.
 */
export function useQueue(taskId: Ref<number | null>, more: () => void) {
  const desk = useDesk()
  const phone = usePhone()
  const live = useLive()
  const lead = useLead()

  const view = ref<View>('undialled')
  const text = ref('')
  const filter = () => ({ task_id: taskId.value, state: view.value === 'all' ? '' : view.value, q: text.value.trim() })

  async function fetchQueue(query: QueryOf<Mine>, signal: AbortSignal): Promise<Queue> {
    const trailed = view.value === 'undialled' && query.page === 1 && !query.q
    const [page, done] = await Promise.all([
      api('GET /api/dial-centre/numbers', { query, signal }),
      trailed ? api('GET /api/dial-centre/numbers', { query: { task_id: taskId.value, state: 'dialled', page: 1, page_size: TRAIL }, signal }) : null,
    ])
    const since = live.serverNow() - TRAIL_HOURS * 3_600_000
    return { ...page, trail: (done?.items ?? []).filter((one) => Date.parse(one.last_called_at ?? '') > since) }
  }

  const { answer, rows: ahead, total, page, pageSize, problem, loading, load } = useListing(fetchQueue, filter)
  const trail = computed(() => [...(answer.value?.trail ?? [])].reverse())
  const rows = computed(() => [...trail.value, ...ahead.value])

  /** The row that Enter dials. */
  const at = ref<number | null>(null)
  /** The number that is being called, or waits for its result. */
  const calling = ref<number | null>(null)
  let order: number[] = []
  let moves = false

  const open = (id: number) => rows.value.some((row) => row.id === id && row.state === 'undialled')

  /** The next number after the one just called, as the list stood then; else the first that is left. */
  function next(): number | null {
    const after = order.slice(order.indexOf(at.value ?? -1) + 1)
    return after.find(open) ?? ahead.value.find((row) => row.state === 'undialled')?.id ?? ahead.value[0]?.id ?? null
  }

  function focus(): void {
    if (phone.busy || isTyping(document.activeElement) || document.querySelector('.el-overlay:not([style*="none"]), dialog[open]')) return
    document.querySelector<HTMLElement>(`[data-number="${at.value}"]`)?.focus()
  }

  watch(answer, async () => {
    const known = rows.value.some((row) => row.id === at.value)
    if (!known || moves) at.value = next()
    if (!moves) return
    moves = false
    await nextTick()
    focus()
  })

  function advance(): void {
    calling.value = null
    moves = true
    if (narrow.value) desk.phoneOpen = false
    void load()
  }

  watch(() => desk.changed, load)
  // What rings is shown in full from now on.
  watch(
    () => calling.value !== null && phone.call?.answered_at != null,
    (talking) => {
      if (talking) void load()
    },
  )
  watch(
    () => desk.unsaved.length,
    (waiting, before) => {
      if (waiting === 0 && before > 0) advance()
    },
  )
  onScopeDispose(
    live.on('call_ended', (ended) => {
      // A caller whom nobody answered is no number of the list.
      if (!lead.leading || (!ended.needs_note && calling.value !== null)) advance()
    }),
  )

  async function dial(row: Queue['items'][number]): Promise<void> {
    if (!phone.canDial) return
    at.value = row.id
    order = ahead.value.map((one) => one.id)
    // The keys of the call and of its result are for the page as a whole, not for the row.
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
    desk.phoneOpen = true
    calling.value = row.id
    const words = [row.customer?.name ?? row.name, row.company, row.remark].filter(Boolean).join(' · ')
    if (!(await phone.dialTask(row.id, words))) {
      calling.value = null
      await nextTick()
      if (!narrow.value) focus()
    }
  }

  function step(by: 1 | -1): void {
    const here = rows.value.findIndex((row) => row.id === at.value)
    const to = rows.value[Math.min(rows.value.length - 1, Math.max(0, here + by))]
    if (!to) return
    at.value = to.id
    void nextTick(() => document.querySelector<HTMLElement>(`[data-number="${to.id}"]`)?.focus())
  }

  /** ↑ ↓ choose, Enter dials: from anywhere on the page but where somebody types or another button has the key. */
  function keyed(event: KeyboardEvent): void {
    const target = event.target as HTMLElement
    if (composing(event) || event.ctrlKey || event.altKey || event.metaKey || target.closest('.el-overlay, .dock, dialog')) return
    const row = target.closest<HTMLElement>('[data-number]')
    if (event.key === 'ArrowDown' || (event.key === 'ArrowUp' && !isTyping(target))) step(event.key === 'ArrowDown' ? 1 : -1)
    else if (event.key !== 'Enter' || desk.unsaved.length > 0) return
    else if (row || target === document.body) {
      const chosen = rows.value.find((one) => one.id === (row ? Number(row.dataset.number) : at.value))
      // A key that is held down is one press.
      if (event.repeat) return
      if (chosen) void dial(chosen)
      else if (answer.value && ahead.value.length === 0 && view.value === 'undialled' && !text.value && !phone.busy) more()
    } else return
    event.preventDefault()
  }
  window.addEventListener('keydown', keyed)
  // Whoever came here by a link has the keys of the page, not of the link.
  onMounted(() => {
    const link = document.activeElement?.closest<HTMLElement>('nav a')
    link?.blur()
  })
  onScopeDispose(() => window.removeEventListener('keydown', keyed))

  /** After numbers were claimed: the first of them is the next. */
  function restart(): void {
    order = []
    at.value = null
    page.value = 1
    view.value = 'undialled'
    moves = true
    void load()
  }

  return { view, text, answer, trail, ahead, total, page, pageSize, problem, loading, load, at, calling, dial, restart }
}
