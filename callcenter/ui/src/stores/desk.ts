import { defineStore } from 'pinia'
import { ref } from 'vue'
import type { CallEndedEvent, PopEvent } from '@/api/types'
import { useLive } from './live'

/** What lies on the agent's desk: screen pops, calls that still want a note, and whether someone is typing. */
export const useDesk = defineStore('desk', () => {
  const live = useLive()
  const pops = ref<PopEvent[]>([])
  const unsaved = ref<CallEndedEvent[]>([])
  const editing = ref(false)
  const phoneOpen = ref(false)
  const changed = ref(0)

  live.on('pop', (pop) => {
    pops.value = [pop, ...pops.value.filter((one) => one.call_id !== pop.call_id)].slice(0, 3)
  })
  live.on('call_ended', (ended) => {
    changed.value += 1
    if (ended.needs_note) unsaved.value = [ended, ...unsaved.value.filter((one) => one.call_id !== ended.call_id)]
  })
  live.on('recording_ready', () => (changed.value += 1))
  live.on('note_saved', () => (changed.value += 1))

  const dismissPop = (callId: string) => (pops.value = pops.value.filter((one) => one.call_id !== callId))
  const noteDone = (callId: string) => (unsaved.value = unsaved.value.filter((one) => one.call_id !== callId))

  function clear(): void {
    pops.value = []
    unsaved.value = []
    editing.value = false
    phoneOpen.value = false
  }

  return { pops, unsaved, editing, phoneOpen, changed, dismissPop, noteDone, clear }
})
