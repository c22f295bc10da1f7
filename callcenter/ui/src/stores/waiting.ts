import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api, ApiError, type CentreTask } from '@/kit/api'
import { mayOpen } from '@/router'
import { useLive } from './live'

/** What waits at each place of the rail: callers who were not reached, and numbers that are still to be called. */
export const useWaiting = defineStore('waiting', () => {
  const live = useLive()
  const numbers = ref(0)

  const callers = computed(() => ({
    missed: live.queues.reduce((sum, line) => sum + line.missed, 0),
    voicemails: live.queues.reduce((sum, line) => sum + line.voicemails, 0),
    callbacks: live.queues.reduce((sum, line) => sum + line.callbacks, 0),
  }))
  const at = computed((): Record<string, number> => ({
    work: callers.value.missed + callers.value.voicemails + callers.value.callbacks,
    dial: numbers.value,
  }))

  /** Whoever has just read the tasks says so; nothing is asked twice. */
  function told(tasks: CentreTask[]): void {
    numbers.value = tasks.reduce((sum, one) => sum + one.mine_undialled, 0)
  }

  async function refresh(): Promise<void> {
    if (!mayOpen('dial')) return
    try {
      told(await api('GET /api/dial-centre/tasks'))
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
    }
  }

  return { callers, at, told, refresh }
})
