import { useI18n } from 'vue-i18n'
import type { AuditLine, AuditValue, AuditWords, Words } from '@/kit/api'
import { language } from '@/i18n'
import { money } from '@/util/money'
import { fullTime } from '@/util/time'

const OF_ITSELF = new Set(['text', 'count', 'number'])

/** What the entries of the audit log say in the language of the page; a code without words is shown as it is. */
export function useAuditWords(words: () => AuditWords | null) {
  const { t } = useI18n()
  const said = (one: Words | undefined, otherwise: string) => (one ? (language.value === 'en' ? one.en : one.zh) : otherwise)

  const action = (code: string) => {
    for (const group of words()?.groups ?? []) {
      const found = group.actions.find((one) => one.action === code)
      if (found) return said(found, code)
    }
    return code
  }
  const field = (name: string) => said(words()?.fields[name], name)

  function value(name: string, { kind, value: it, name: called }: AuditValue): string {
    if (it === null || it === '') return t('audit.empty')
    switch (kind) {
      case 'money':
        return money(Number(it))
      case 'minutes':
        return t('calls.minutes', { count: it })
      case 'days':
        return t('audit.days', { count: it })
      case 'seconds':
        return t('audit.seconds', { count: it })
      case 'yes_no':
        return t(it ? 'audit.yes' : 'audit.no')
      case 'moment':
        return fullTime(String(it))
      case 'country':
        return new Intl.DisplayNames(language.value, { type: 'region' }).of(String(it)) ?? String(it)
      case 'word':
        return said(words()?.codes[name]?.[String(it)], String(it))
      case 'field':
        return field(String(it))
      default:
        return called || (OF_ITSELF.has(kind) ? String(it) : t('audit.gone', { id: it }))
    }
  }

  const all = (name: string, values: AuditValue[]) => values.map((one) => value(name, one)).join(t('audit.between')) || t('audit.empty')
  const line = (one: AuditLine) => `${one.before ? `${all(one.field, one.before)} → ` : ''}${all(one.field, one.values)}`
  /** An announcement is told by its kind, everything else by its name. */
  const about = (one: AuditValue | null) => (one ? value('prompt', one) : '—')

  return { said, action, field, line, about }
}
