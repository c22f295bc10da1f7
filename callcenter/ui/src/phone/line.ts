import { computed, watch } from 'vue'
import { api, ApiError } from '@/kit/api'
import { usePhone } from '@/stores/phone'
import { useSession } from '@/stores/session'

const SURE_MS = 3000

/**
 * A page that was loaded anew has lost the sound of its open line, which the telephone system still believes in: the
 * old one is closed and a new one opened, and nothing is dialled into the void meanwhile.
 */
export function useFreshLine(): void {
  const phone = usePhone()
  const session = useSession()
  let timer = 0
  let again = false

  const lost = computed(
    () =>
      session.usesBrowserPhone &&
      phone.agent?.line === 'open' &&
      phone.state.line === 'ready' &&
      phone.state.leg === null &&
      phone.call === null,
  )

  async function quietly(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
    }
  }

  watch(
    lost,
    (gone) => {
      window.clearTimeout(timer)
      if (!gone) return
      timer = window.setTimeout(() => {
        again = true
        void quietly(() => api('DELETE /api/me/line'))
      }, SURE_MS)
    },
    { immediate: true },
  )
  watch(
    () => phone.agent?.line,
    (line) => {
      if (line !== 'closed' || !again) return
      again = false
      void quietly(() => api('PUT /api/me/line'))
    },
  )
}
