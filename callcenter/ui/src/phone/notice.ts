import { watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { useDesk } from '@/stores/desk'
import { usePhone } from '@/stores/phone'

/** A system notification for a ringing call while the page is out of sight. */
export function useRingNotice(): void {
  const { t } = useI18n()
  const phone = usePhone()
  const desk = useDesk()
  let shown: Notification | null = null

  watch(
    () => phone.ringing,
    (ringing) => {
      shown?.close()
      shown = null
      if (!ringing || !document.hidden || !('Notification' in window) || Notification.permission !== 'granted') return
      const pop = desk.pops[0]
      shown = new Notification(t('phone.incoming'), {
        body: pop?.customer?.name ?? pop?.number_display ?? phone.call?.number_display ?? '',
        tag: 'callcenter-ring',
        requireInteraction: true,
      })
      shown.onclick = () => window.focus()
    },
  )
}
