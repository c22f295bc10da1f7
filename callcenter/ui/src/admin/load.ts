import { onMounted, ref, type Ref } from 'vue'
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
