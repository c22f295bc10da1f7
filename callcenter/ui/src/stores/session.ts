import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api, type Device, type Me, type Minutes } from '@/kit/api'
import { setLanguage, type Language, language } from '@/i18n'

/** Who is signed in, what they may do, and what they have left to talk with. */
export const useSession = defineStore('session', () => {
  const me = ref<Me | null>(null)
  const asked = ref(false)
  const minutes = ref<Minutes | null>(null)

  const permissions = computed(() => new Set(me.value?.permissions ?? []))
  const may = (permission: string) => permissions.value.has(permission)
  const usesBrowserPhone = computed(() => me.value?.can_dial === true && me.value.device === 'browser')

  /** Asks the server once; a missing session is an answer, not an error. */
  async function restore(): Promise<void> {
    if (asked.value) return
    me.value = await (await api('GET /api/session')).me
    asked.value = true
  }

  /** What I am and may do can change while I am here. */
  async function reload(): Promise<void> {
    if (me.value) me.value = await api('GET /api/me')
  }

  async function signIn(login: string, password: string): Promise<void> {
    me.value = await api('POST /api/session', { body: { login, password } })
    asked.value = true
  }

  async function signOut(): Promise<void> {
    await api('DELETE /api/session')
    forget()
  }

  function forget(): void {
    me.value = null
    minutes.value = null
    asked.value = true
  }

  async function useDevice(device: Device): Promise<void> {
    me.value = await api('PUT /api/me/device', { body: { device } })
  }

  async function refreshMinutes(): Promise<void> {
    minutes.value = await api('GET /api/me/minutes')
  }

  const speak = (next: Language) => setLanguage(next)

  return {
    me,
    minutes,
    may,
    usesBrowserPhone,
    language,
    speak,
    restore,
    reload,
    signIn,
    signOut,
    forget,
    useDevice,
    refreshMinutes,
  }
})
