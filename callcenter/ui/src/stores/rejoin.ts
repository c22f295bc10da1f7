import { computed, ref, watch, type Ref } from 'vue'
import { api, ApiError, type LiveCall, type LiveLeg } from '@/kit/api'
import { isUp } from '@/phone/parties'
import type { PhoneState } from '@/softphone/state'

const REJOIN_EVERY_MS = 3000
const REJOIN_TRIES = 5

/** A call that is older than this page: its sound is asked back, a few times. */
export function useRejoin(state: Ref<PhoneState>, call: Ref<LiveCall | null>, myLeg: Ref<LiveLeg | null>) {
  /** Calls whose sound this page has had: one that is missing its sound now has just ended, and is not asked for again. */
  const hadSound = new Set<string>()
  const rejoin = ref<'none' | 'asking' | 'failed'>('none')
  let tries = 0
  let again = 0

  const orphan = computed(() => {
    const leg = myLeg.value
    const mine = leg?.role === 'agent' && leg.device === 'browser' && isUp(leg) && call.value?.answered_at != null
    return mine && state.value.line === 'ready' && state.value.leg === null && call.value && !hadSound.has(call.value.id) ? call.value.id : null
  })

  async function askBack(): Promise<void> {
    window.clearTimeout(again)
    const id = orphan.value
    if (id === null) {
      rejoin.value = 'none'
      return
    }
    rejoin.value = 'asking'
    tries += 1
    try {
      await api('POST /api/calls/{call_id}/rejoin', { call_id: id })
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
    }
    again = window.setTimeout(() => {
      if (orphan.value === null) rejoin.value = 'none'
      else if (tries < REJOIN_TRIES) void askBack()
      else rejoin.value = 'failed'
    }, REJOIN_EVERY_MS)
  }

  function retryRejoin(): void {
    tries = 0
    void askBack()
  }

  watch(orphan, (id) => {
    tries = 0
    if (id !== null) void askBack()
    else rejoin.value = 'none'
  })
  watch([() => state.value.leg?.state, () => call.value?.id], ([sound, id]) => {
    if (sound && id) hadSound.add(id)
  })

  return { rejoin, retryRejoin }
}
