import { computed, getCurrentScope, onScopeDispose, shallowRef, watch, type Ref } from 'vue'

/**
 * Answers to what is being typed. An answer belongs to the text it was asked for: once another text is typed there is
 * none until the new one has its own, so Enter can never act on what was found for the text before.
 *
 * `ask` is called when typing rests for `rest` milliseconds; null asks nothing. It must not throw once aborted.
 */
export function useTyped<T>(text: Ref<string>, ask: (wanted: string, signal: AbortSignal) => Promise<T> | null, rest = 150) {
  const got = shallowRef<{ wanted: string; answer: T } | null>(null)
  const wanted = computed(() => text.value.trim())
  /** The answer to the present text, or null. */
  const answer = computed(() => (got.value?.wanted === wanted.value ? got.value.answer : null))
  /** The last answer, also while the next is waited for: a list that need not flicker. */
  const latest = computed(() => got.value?.answer ?? null)
  let asking = new AbortController()
  let timer = 0
  let then: ((answer: T) => void) | null = null

  /** Forgets what was asked for and what was to be done with it. */
  function stop(): void {
    window.clearTimeout(timer)
    asking.abort()
    asking = new AbortController()
    then = null
  }

  async function look(): Promise<void> {
    const { signal } = asking
    const now = wanted.value
    const coming = ask(now, signal)
    if (coming === null) return
    const found = await coming
    if (signal.aborted) return
    got.value = { wanted: now, answer: found }
    const act = then
    then = null
    act?.(found)
  }

  /** Does it with the answer to the present text: now, or as soon as it is there, unless something else is typed. */
  function withAnswer(act: (answer: T) => void): void {
    if (answer.value !== null) act(answer.value)
    else then = act
  }

  function clear(): void {
    stop()
    got.value = null
  }

  // At once, not with the next rendering: what is pressed after a letter must not meet the answer to fewer letters.
  watch(wanted, () => {
    stop()
    timer = window.setTimeout(() => void look(), rest)
  }, { flush: 'sync' })
  if (getCurrentScope()) onScopeDispose(stop)

  return { answer, latest, withAnswer, look, clear }
}
