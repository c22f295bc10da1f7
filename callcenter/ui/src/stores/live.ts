import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { api, type LiveAgent, type LiveCall, type LiveEvents, type LiveQueue } from '@/kit/api'
import { LiveLink, type LinkState } from '@/live/link'
import { applyDelta, applyEvent, applySnapshot, initialLive, type LiveState, type ServerMessage } from '@/live/state'

type Handler = (data: unknown) => void

/** The pushed truth: agents, calls, numbers of today, and the server's clock. */
export const useLive = defineStore('live', () => {
  const state = shallowRef<LiveState>(initialLive)
  const link = ref<LinkState>('off')
  const clockOffset = ref(0)
  const handlers = new Map<string, Set<Handler>>()

  const agents = computed<LiveAgent[]>(() => Object.values(state.value.entities.agent))
  const calls = computed<LiveCall[]>(() =>
    Object.values(state.value.entities.call).filter((call) => call.state !== 'ended'),
  )
  const queues = computed<LiveQueue[]>(() => Object.values(state.value.entities.queue))
  const stats = computed(() => state.value.entities.stats['today'] ?? null)
  const phones = computed(() => state.value.entities.system.phones?.phones ?? null)

  const serverNow = () => Date.now() + clockOffset.value

  /** Transit time only ever makes the server look late, so the largest offset seen is the best. */
  function readClock(now: string, fresh: boolean): void {
    const offset = Date.parse(now) - Date.now()
    if (Number.isNaN(offset)) return
    if (fresh || offset > clockOffset.value) clockOffset.value = offset
  }

  function received(message: ServerMessage): void {
    switch (message.type) {
      case 'snapshot':
        state.value = applySnapshot(message)
        readClock(message.now, true)
        break
      case 'resumed':
        readClock(message.now, true)
        break
      case 'delta':
        state.value = applyDelta(state.value, message)
        readClock(message.now, false)
        break
      case 'event':
        if (message.seq <= state.value.seq) return
        state.value = applyEvent(state.value, message)
        handlers.get(message.name)?.forEach((handler) => handler(message.data))
        break
      case 'pong':
        break
    }
  }

  const connection = new LiveLink({
    resume: () => (state.value.epoch === null ? null : { epoch: state.value.epoch, seq: state.value.seq }),
    received,
    changed: (next) => (link.value = next),
    refused: () => void api('GET /api/me').catch(() => undefined),
  })

  function stop(): void {
    connection.stop()
    state.value = initialLive
  }

  function on<Name extends keyof LiveEvents>(name: Name, handler: (data: LiveEvents[Name]) => void): () => void {
    const known = handlers.get(name) ?? new Set<Handler>()
    handlers.set(name, known.add(handler as Handler))
    return () => known.delete(handler as Handler)
  }

  return { state, link, agents, calls, queues, stats, phones, serverNow, start: () => connection.start(), stop, on }
})
