import { ref } from 'vue'
import { createI18n } from 'vue-i18n'
import { firstLanguage, type Language } from './first'

export type { Language }
type Messages = Record<string, Record<string, unknown>>

const KEY = 'callcenter.language'
const chinese = import.meta.glob<Record<string, unknown>>('../locales/zh-CN/*.json', { eager: true, import: 'default' })
const english = import.meta.glob<Record<string, unknown>>('../locales/en/*.json', { import: 'default' })

const areaOf = (path: string) => /([\w-]+)\.json$/.exec(path)?.[1] ?? path

export const language = ref<Language>('zh-CN')

export const i18n = createI18n({
  legacy: false,
  locale: 'zh-CN',
  fallbackLocale: 'zh-CN',
  messages: {
    'zh-CN': Object.fromEntries(Object.entries(chinese).map(([path, value]) => [areaOf(path), value])) as never,
  },
})

/** For words outside a component. */
export const translate = (key: string): string => (i18n.global as unknown as { t: (key: string) => string }).t(key)

async function loadEnglish(): Promise<void> {
  const loaded: Messages = {}
  await Promise.all(
    Object.entries(english).map(async ([path, load]) => {
      loaded[areaOf(path)] = await load()
    }),
  )
  i18n.global.setLocaleMessage('en' as never, loaded as never)
}

async function show(next: Language): Promise<void> {
  if (next === 'en') await loadEnglish()
  ;(i18n.global.locale as unknown as { value: string }).value = next
  language.value = next
  document.documentElement.lang = next
}

/** What somebody chose is remembered in this browser. */
export async function setLanguage(next: Language): Promise<void> {
  await show(next)
  localStorage.setItem(KEY, next)
}

export async function restoreLanguage(): Promise<void> {
  const first = firstLanguage(localStorage.getItem(KEY), navigator.languages)
  if (first !== language.value) await show(first)
}
