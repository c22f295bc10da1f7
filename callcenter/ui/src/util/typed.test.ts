import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, ref } from 'vue'
import { useTyped } from './typed'

const answers = new Map<string, (found: string) => void>()
const ask = (wanted: string) => (wanted ? new Promise<string>((resolve) => answers.set(wanted, resolve)) : null)
const settle = () => vi.advanceTimersByTimeAsync(200)

function typing() {
  const text = ref('')
  const scope = effectScope()
  const box = scope.run(() => useTyped(text, ask))!
  return { text, scope, ...box }
}

beforeEach(() => {
  vi.stubGlobal('window', globalThis)
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  answers.clear()
})

describe('an answer belongs to its text', () => {
  it('is none once another text is typed', async () => {
    const { text, answer, latest, withAnswer } = typing()
    text.value = '王'
    await settle()
    answers.get('王')!('王芳')
    await settle()
    expect(answer.value).toBe('王芳')
    text.value = '李'
    expect(answer.value).toBeNull()
    expect(latest.value).toBe('王芳')
    const opened: string[] = []
    withAnswer((found) => opened.push(found))
    expect(opened).toEqual([])
    await settle()
    answers.get('李')!('李建国')
    await settle()
    expect(opened).toEqual(['李建国'])
  })

  it('comes too late for a text that is gone', async () => {
    const { text, answer, withAnswer } = typing()
    text.value = '王'
    await settle()
    const opened: string[] = []
    withAnswer((found) => opened.push(found))
    text.value = '王五'
    answers.get('王')!('王芳')
    await settle()
    expect(answer.value).toBeNull()
    expect(opened).toEqual([])
  })

  it('does nothing after it was put away', async () => {
    const { text, withAnswer, clear } = typing()
    text.value = '王'
    await settle()
    const opened: string[] = []
    withAnswer((found) => opened.push(found))
    clear()
    answers.get('王')!('王芳')
    await settle()
    expect(opened).toEqual([])
  })
})
