import { nextTick } from 'vue'
import { api, ApiError } from '@/kit/api'
import { useDesk } from '@/stores/desk'
import { usePhone } from '@/stores/phone'
import { useSession } from '@/stores/session'
import { useShortcuts } from '@/util/shortcuts'

export const phoneKeys = [
  { keys: 'Alt+A', label: 'keys.answer' },
  { keys: 'Alt+X', label: 'keys.hangUp' },
  { keys: 'Alt+M', label: 'keys.mute' },
  { keys: 'Alt+H', label: 'keys.hold' },
  { keys: 'Alt+T', label: 'keys.transfer' },
  { keys: 'Alt+S', label: 'keys.swap' },
  { keys: 'Alt+C', label: 'keys.complete' },
  { keys: 'Alt+B', label: 'keys.cancel' },
  { keys: 'F2', label: 'keys.dial' },
  { keys: 'Alt+R', label: 'keys.ready' },
  { keys: 'Ctrl+K', label: 'keys.search' },
  { keys: 'Ctrl+Enter', label: 'keys.saveNote' },
  { keys: '?', label: 'keys.help' },
] as const

export function usePhoneKeys(shell: { search: () => void; help: () => void }): void {
  const phone = usePhone()
  const desk = useDesk()
  const session = useSession()
  const dials = () => session.may('calls.dial')
  const third = () => phone.can?.third === true

  async function focusDial(): Promise<void> {
    desk.phoneOpen = true
    await nextTick()
    document.querySelector<HTMLInputElement>('[data-testid="dial-input"]')?.focus()
  }

  function toggleReady(): void {
    const ready = phone.agent?.state === 'ready'
    void api('PUT /api/me/state', { body: { state: ready ? 'not_ready' : 'ready', reason: ready ? 'other' : undefined } }).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error
    })
  }

  useShortcuts([
    { keys: 'Ctrl+K', run: shell.search },
    { keys: '?', run: shell.help },
    { keys: 'Alt+A', when: () => phone.ringing, run: () => void phone.answer() },
    { keys: 'Alt+X', when: () => phone.busy, run: () => void phone.hangUp() },
    { keys: 'Alt+M', when: () => phone.canMute, run: () => void phone.setMuted(!phone.muted) },
    { keys: 'Alt+H', when: () => phone.canHold, run: () => void phone.setHeld(!phone.held) },
    { keys: 'Alt+T', when: () => phone.canTransfer, run: () => (phone.transferOpen = !phone.transferOpen) },
    { keys: 'Alt+S', when: () => third() && !phone.moving, run: () => void phone.move('swap') },
    { keys: 'Alt+C', when: () => third() && !phone.moving, run: () => void phone.move('complete') },
    { keys: 'Alt+B', when: () => phone.can?.cancel === true && !phone.moving, run: () => void phone.move('cancel') },
    { keys: 'F2', when: dials, run: () => void focusDial() },
    { keys: 'Alt+R', when: dials, run: toggleReady },
  ])
}
