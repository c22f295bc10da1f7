export type Language = 'zh-CN' | 'en'

/** The language chosen before in this browser; otherwise the first of the browser's own that we speak, else English. */
export function firstLanguage(chosen: string | null, preferred: readonly string[]): Language {
  if (chosen === 'zh-CN' || chosen === 'en') return chosen
  const known = preferred.map((tag) => tag.toLowerCase()).find((tag) => /^(zh|en)\b/.test(tag))
  return known?.startsWith('zh') ? 'zh-CN' : 'en'
}
