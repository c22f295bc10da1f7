import { computed, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { useDesk } from '@/stores/desk'
import { useLead } from '@/stores/lead'
import { usePhone } from '@/stores/phone'
import { shown as numberShown } from '@/util/format'

const NAME_WITHIN_MS = 800

/** A system notification for a ringing call while the page is out of sight; from the leading tab alone. */
export function useRingNotice(): void {
  const { t } = useI18n()
  const phone = usePhone()
  const desk = useDesk()
  const lead = useLead()
  let shown: Notification | null = null
  let timer = 0

  const rings = computed(() => lead.leading && (phone.ringing || phone.ringsDesk))
  /** The phone often rings a moment before the live link says who it is. */
  const who = computed(() => {
    const id = phone.call?.id ?? phone.state.leg?.callId
    const pop = desk.pops.find((one) => one.call_id === id)
    return pop?.customer?.name ?? numberShown(pop?.number_display) ?? phone.call?.customer?.name ?? numberShown(phone.call?.number_display) ?? ''
  })

  function show(): void {
    window.clearTimeout(timer)
    if (shown || !document.hidden || !('Notification' in window) || Notification.permission !== 'granted') return
    shown = new Notification(t('phone.incoming'), {
      body: who.value || (phone.state.leg?.from ?? ''),
      tag: 'callcenter-ring',
      requireInteraction: true,
    })
    shown.onclick = () => window.focus()
  }

  watch([rings, who], ([ringing, name]) => {
    if (!ringing) {
      window.clearTimeout(timer)
      shown?.close()
      shown = null
    } else if (name) show()
    else {
      window.clearTimeout(timer)
      timer = window.setTimeout(show, NAME_WITHIN_MS)
    }
  })
}

const ASKED = 'callcenter.notificationsAsked'

/** Asks once, on a click by which somebody says to be there for calls; a refusal is final. */
export function askForNotices(): void {
  if (!('Notification' in window) || Notification.permission !== 'default' || localStorage.getItem(ASKED)) return
  localStorage.setItem(ASKED, 'yes')
  void Notification.requestPermission()
}
