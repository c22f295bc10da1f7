import { onScopeDispose } from 'vue'
import { useI18n } from 'vue-i18n'
import { useLive } from '@/stores/live'
import { useWords } from '@/util/words'

/** Says who changed one's state, and stays until it is read. */
export function useForcedNotice(): void {
  const { t } = useI18n()
  const { agentWord } = useWords()
  const stop = useLive().on('state_forced', ({ state, reason, by, at_once }) => {
    const word = agentWord({ state, reason: (reason || null) as never })
    ElNotification({
      title: t('phone.forcedTitle'),
      message: t(at_once ? 'phone.forced' : 'phone.forcedLater', { name: by.name, state: word }),
      type: 'warning',
      duration: 0,
      // Beside the state itself, and out of the way of the phone.
      position: 'top-left',
      offset: 52,
      customClass: 'state-forced',
    })
  })
  onScopeDispose(stop)
}
