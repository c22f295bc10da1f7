import { defineStore } from 'pinia'
import { ref } from 'vue'

/**
 * Of all tabs of one person exactly one leads: it holds the phone, rings, notifies and shows screen pops. The next tab
 * takes over by itself when that one is closed.
 */
export const useLead = defineStore('lead', () => {
  const leading = ref(false)
  let wanted: AbortController | null = null

  function start(employeeId: number): void {
    if (wanted) return
    const mine = new AbortController()
    wanted = mine
    if (!('locks' in navigator)) {
      leading.value = true
      return
    }
    const hold = () =>
      new Promise<void>((resolve) => {
        if (mine.signal.aborted) return resolve()
        leading.value = true
        mine.signal.addEventListener('abort', () => resolve())
      })
    navigator.locks.request(`callcenter.phone.${employeeId}`, { signal: mine.signal }, hold).catch((error: unknown) => {
      if (!mine.signal.aborted) throw error
    })
  }

  function stop(): void {
    wanted?.abort()
    wanted = null
    leading.value = false
  }

  return { leading, start, stop }
})
