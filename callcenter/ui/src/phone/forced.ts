import { onScopeDispose } from 'vue'
import { useI18n } from 'vue-i18n'
import { useLive } from '@/stores/live'
import { useSession } from '@/stores/session'
import { useWords } from '@/util/words'

/** Says who changed a state: one's own, or that of somebody one watches who did not answer. Stays until it is read. */
export function useForcedNotice(): void {
  const { t } = useI18n()
  const { agentWord } = useWords()
  const live = useLive()
  const session = useSession()
  const tell = (title: string, message: string, customClass: string) =>
    ElNotification({
      title,
      message,
      type: 'warning',
      duration: 0,
      // Beside the state itself, and out of the way of the phone.
      position: 'top-left',
      offset: 52,
      customClass,
    })
  const stops = [
    live.on('state_forced', ({ state, reason, by, at_once }) => {
      const word = agentWord({ state, reason: (reason || null) as never })
      tell(t('phone.forcedTitle'), t(at_once ? 'phone.forced' : 'phone.forcedLater', { name: by.name, state: word }), 'state-forced')
    }),
    live.on('agent_unanswered', ({ employee, calls }) => {
      const own = employee.id === session.me?.id
      tell(t('phone.unansweredTitle'), t(own ? 'phone.unansweredSelf' : 'phone.unanswered', { name: employee.name, count: calls }), 'agent-unanswered')
    }),
  ]
  onScopeDispose(() => stops.forEach((stop) => stop()))
}
