import { defineStore } from 'pinia'
import { ref } from 'vue'
import { ApiError, api, type CallEnded, type Customer, type Pop } from '@/kit/api'
import { useDrafts } from './drafts'
import { useLead } from './lead'
import { useLive } from './live'

/** What lies on the agent's desk: screen pops, calls that still want a note, and whether someone is typing. */
export const useDesk = defineStore('desk', () => {
  const live = useLive()
  const drafts = useDrafts()
  const lead = useLead()
  const pops = ref<Pop[]>([])
  const unsaved = ref<CallEnded[]>([])
  /** The last call, when nobody answered it: nothing is asked, it is only said. */
  const unanswered = ref<CallEnded | null>(null)
  const editing = ref(false)
  const phoneOpen = ref(false)
  const changed = ref(0)

  live.on('pop', (pop) => {
    if (!lead.leading) return
    pops.value = [pop, ...pops.value.filter((one) => one.call_id !== pop.call_id)].slice(0, 3)
  })
  live.on('call_ended', (ended) => {
    changed.value += 1
    if (!lead.leading) return
    if (!ended.needs_note) {
      dismissPop(ended.call_id)
      unanswered.value = ended
    } else unsaved.value = [ended, ...unsaved.value.filter((one) => one.call_id !== ended.call_id)]
  })
  live.on('recording_ready', () => (changed.value += 1))
  live.on('note_saved', () => (changed.value += 1))

  /** A note that was being written when the page was reloaded gets its panel back. */
  async function restore(): Promise<void> {
    const waiting = Object.keys(drafts.texts).filter((subject) => subject.startsWith('call:'))
    for (const subject of waiting) {
      try {
        const { id, direction, number, number_display, customer, disposition, end_reason, talk_seconds, ended_at } = (await api('GET /api/calls/{call_id}', { call_id: subject.slice(5) })).call
        if (!ended_at || unsaved.value.some((one) => one.call_id === id)) continue
        unsaved.value = [...unsaved.value, { call_id: id, direction, number, number_display, customer, disposition, end_reason, talk_seconds, needs_note: true }]
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) drafts.drop(subject)
      }
    }
  }

  /** The pop of a call whose caller no customer is known by, where the number may be seen. */
  function strangerOf(callId: string): Pop | null {
    const pop = pops.value.find((one) => one.call_id === callId)
    return pop && pop.customer === null && pop.number !== '' ? pop : null
  }

  function dismissPop(callId: string): void {
    pops.value = pops.value.filter((one) => one.call_id !== callId)
  }

  /** Somebody wants to write about a call that nobody answered. */
  function writeAbout(ended: CallEnded): void {
    unanswered.value = null
    unsaved.value = [ended, ...unsaved.value]
  }

  /** The caller of a call was made a customer: wherever the call lies on the desk, it has its customer now. */
  function named(callId: string, customer: Customer): void {
    pops.value = pops.value.map((one) => (one.call_id === callId ? { ...one, customer } : one))
    unsaved.value = unsaved.value.map((one) => (one.call_id === callId ? { ...one, customer } : one))
    changed.value += 1
  }

  /** Saved or put aside: its form and its pop leave the desk. */
  function noteDone(callId: string): void {
    unsaved.value = unsaved.value.filter((one) => one.call_id !== callId)
    dismissPop(callId)
  }

  function clear(): void {
    pops.value = []
    unsaved.value = []
    unanswered.value = null
    editing.value = false
    phoneOpen.value = false
  }

  return { pops, unsaved, unanswered, editing, phoneOpen, changed, strangerOf, dismissPop, named, writeAbout, noteDone, restore, clear }
})
