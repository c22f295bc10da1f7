import { onMounted, ref, type Ref } from 'vue'
import { translate } from '@/i18n'
import { errorWords } from '@/util/format'

export interface Loaded<T> {
  value: Ref<T | null>
  problem: Ref<string>
  load: () => Promise<void>
}

/** Something fetched when the page opens and again on demand, with its error in words. */
export function useLoaded<T>(fetcher: () => Promise<T>): Loaded<T> {
  const value = ref<T | null>(null) as Ref<T | null>
  const problem = ref('')

  async function load(): Promise<void> {
    problem.value = ''
    try {
      value.value = await fetcher()
    } catch (error) {
      problem.value = errorWords(error)
    }
  }

  onMounted(load)
  return { value, problem, load }
}

/** Runs one change, tells the person when it failed, and says whether it worked. */
export async function attempt(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    ElMessage.error({ message: errorWords(error), grouping: true })
    return false
  }
}

export async function confirmed(question: string, title: string, yes: string, no: string): Promise<boolean> {
  const answer = await ElMessageBox.confirm(question, title, {
    confirmButtonText: yes,
    cancelButtonText: no,
    type: 'warning',
  }).catch(() => null)
  return answer === 'confirm'
}

/** The reason a person gives for a change that needs one; null when they thought better of it. */
export async function reasonFor(question: string, yes: string, hint: string): Promise<string | null> {
  const asked = await ElMessageBox.prompt(question, yes, {
    confirmButtonText: yes,
    cancelButtonText: translate('common.cancel'),
    inputPlaceholder: hint,
    inputValidator: (text: string) => Boolean(text?.trim()) || translate('platform.reasonNeeded'),
  }).catch(() => null)
  return (asked as { value?: string } | null)?.value?.trim() || null
}
