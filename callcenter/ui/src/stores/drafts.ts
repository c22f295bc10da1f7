import { defineStore } from 'pinia'
import { ref, watch } from 'vue'
import { useSession } from './session'

const PREFIX = 'callcenter.drafts.'

/** What was typed and not yet saved, by subject; survives reloads, kept apart per person. */
export const useDrafts = defineStore('drafts', () => {
  const session = useSession()
  const texts = ref<Record<string, string>>({})
  let owner = ''

  function load(): void {
    owner = PREFIX + String(session.me?.id ?? 'nobody')
    try {
      texts.value = JSON.parse(localStorage.getItem(owner) ?? '{}') as Record<string, string>
    } catch {
      texts.value = {}
    }
  }

  watch(() => session.me?.id, load, { immediate: true })

  const read = (subject: string) => texts.value[subject] ?? ''

  function write(subject: string, text: string): void {
    const next = { ...texts.value }
    if (text) next[subject] = text
    else delete next[subject]
    texts.value = next
    localStorage.setItem(owner, JSON.stringify(next))
  }

  return { texts, read, write, drop: (subject: string) => write(subject, '') }
})
