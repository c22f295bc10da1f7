import { watchEffect } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRoute } from 'vue-router'
import { isSidePage } from '@/router'
import { useDesk } from '@/stores/desk'
import { usePhone } from '@/stores/phone'
import { shown } from '@/util/format'

/** The tab's title: who is ringing when somebody is, else the page. */
export function useTitle(): void {
  const { t } = useI18n()
  const route = useRoute()
  const phone = usePhone()
  const desk = useDesk()

  watchEffect(() => {
    const name = String(route.name ?? '')
    const page = isSidePage(name) ? t(`admin.${name}.title`) : name === 'nowhere' || !name ? '' : t(`shell.${name}`)
    const caller = phone.ringing ? (desk.pops[0]?.customer?.name ?? shown(phone.call?.number_display) ?? t('phone.incoming')) : null
    document.title = caller ? `☎ ${caller}` : [page, t('shell.product')].filter(Boolean).join(' · ')
  })
}
