import { onScopeDispose } from 'vue'

export interface Shortcut {
  /** `Alt+A`, `Ctrl+K`, `F2`, `?`, or a bare character that is ignored while someone types. */
  keys: string
  run: () => void
  when?: () => boolean
}

export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName)
}

/** The key belongs to an input method (Safari says so by its code alone, after the composition has ended). */
export const composing = (event: KeyboardEvent) => event.isComposing || event.keyCode === 229

function pressed(event: KeyboardEvent): string {
  const letter = /^Key([A-Z])$/.exec(event.code)?.[1] ?? /^Digit(\d)$/.exec(event.code)?.[1]
  if (event.ctrlKey || event.metaKey) return `Ctrl+${letter ?? event.key}`
  if (event.altKey) return `Alt+${letter ?? event.key}`
  return event.key
}

export function useShortcuts(shortcuts: Shortcut[]): void {
  const listen = (event: KeyboardEvent) => {
    if (composing(event)) return
    const name = pressed(event)
    const found = shortcuts.find((one) => one.keys === name && (one.when?.() ?? true))
    if (!found) return
    if (name.length === 1 && isTyping(event.target)) return
    event.preventDefault()
    found.run()
  }
  window.addEventListener('keydown', listen)
  onScopeDispose(() => window.removeEventListener('keydown', listen))
}
