import { computed, type ComputedRef } from 'vue'
import { usePhone } from '@/stores/phone'
import { secondsSince, useNow } from '@/util/time'

/** When the minutes of the running call end, once that is less than a minute away. */
export function usePaidEnd(): ComputedRef<string | null> {
  const phone = usePhone()
  const now = useNow()
  return computed(() => {
    const until = phone.call?.paid_until
    const left = until ? -secondsSince(until, now.value) : 0
    return until && left > 0 && left < 60 ? until : null
  })
}
