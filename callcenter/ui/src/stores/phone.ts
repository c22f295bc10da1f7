import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import * as callsApi from '@/api/calls'
import { ApiError, type Words } from '@/api/http'
import { fetchCredentials } from '@/api/session'
import type { LiveCall, WarningEvent } from '@/api/types'
import { loadChoice, saveChoice, type DeviceChoice } from '@/softphone/devices'
import { initialPhone, type PhoneState } from '@/softphone/state'
import type { Softphone } from '@/softphone'
import { useLive } from './live'
import { useSession } from './session'

const EXPECT_MS = 6000

export interface Refusal {
  code: string
  words: Words
}

/** A fresh idempotency key; pages served without https have no `randomUUID`. */
const newKey = () =>
  crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')

/** The agent's phone: the browser line, the call the server says we are in, and what may be pressed now. */
export const usePhone = defineStore('phone', () => {
  const session = useSession()
  const live = useLive()

  const state = shallowRef<PhoneState>(initialPhone)
  const devices = ref<DeviceChoice>(loadChoice())
  const dialling = ref(false)
  const refusal = ref<Refusal | null>(null)
  const warning = ref<WarningEvent | null>(null)
  const typed = ref('')
  const hangingUp = ref<string | null>(null)
  /** Accepted by the server, not yet seen on the live link. */
  const expected = ref<string | null>(null)
  let softphone: Softphone | null = null

  const agent = computed(() => live.state.entities.agent[String(session.me?.id)] ?? null)
  const call = computed<LiveCall | null>(() => {
    const id = session.me?.id
    if (id === undefined) return null
    const mine = live.calls.filter((one) => one.employee?.id === id || one.ringing?.includes(id))
    return mine.find((one) => one.id === agent.value?.call_id) ?? mine[0] ?? null
  })
  const ringing = computed(
    () => state.value.leg?.purpose === 'call' && state.value.leg.state === 'ringing' && !state.value.leg.autoAnswer,
  )
  const ownClick = computed(() => call.value?.direction === 'outbound' && call.value.state === 'dialing_agent')
  const busy = computed(() => call.value !== null || state.value.leg !== null)
  const canDial = computed(() => session.may('calls.dial') && !dialling.value && !expected.value && !busy.value)
  /** Sound is somewhere else: after a reload, or when a desk phone carries the call. */
  const soundElsewhere = computed(() => call.value !== null && state.value.leg === null)

  let wanted: AbortController | null = null

  /** Only one tab holds the line: two would take each other's credentials. The next tab takes over when it closes. */
  function start(): void {
    if (wanted) return
    const mine = new AbortController()
    wanted = mine
    if (!('locks' in navigator)) {
      void hold(mine)
      return
    }
    state.value = { ...initialPhone, line: 'elsewhere' }
    navigator.locks.request(`callcenter.phone.${session.me?.id}`, { signal: mine.signal }, () => hold(mine)).catch((error: unknown) => {
      if (!mine.signal.aborted) throw error
    })
  }

  /** Runs the softphone until it is no longer wanted. */
  async function hold(mine: AbortController): Promise<void> {
    const module = await import('@/softphone')
    if (mine.signal.aborted) return
    softphone = new module.Softphone({ credentials: fetchCredentials, changed: (next) => (state.value = next) })
    softphone.start()
    await new Promise((resolve) => mine.signal.addEventListener('abort', resolve))
  }

  function stop(): void {
    wanted?.abort()
    wanted = null
    softphone?.stop()
    softphone = null
    state.value = initialPhone
  }

  watch(
    () => session.usesBrowserPhone,
    (uses) => {
      if (uses) start()
      else stop()
    },
    { immediate: true },
  )

  watch([ringing, ownClick], ([rings, mine]) => {
    if (rings && mine) void softphone?.answer()
  })

  live.on('warning', (event) => (warning.value = event))
  watch(
    () => call.value?.id,
    () => {
      warning.value = null
      hangingUp.value = null
    },
  )

  function expect(callId: string): void {
    if (live.state.entities.call[callId]) return
    expected.value = callId
    window.setTimeout(() => {
      if (expected.value === callId) expected.value = null
    }, EXPECT_MS)
  }
  watch(
    () => expected.value !== null && live.state.entities.call[expected.value] !== undefined,
    (arrived) => {
      if (arrived) expected.value = null
    },
  )

  /** One click, one call: the key is made here and nothing else may dial until the server has answered. */
  async function dial(number: string, customerId?: number): Promise<boolean> {
    const clean = number.replace(/[^\d+*#]/g, '')
    if (!clean || !canDial.value) return false
    dialling.value = true
    refusal.value = null
    try {
      const { call_id } = await callsApi.dial(
        {
          number: clean,
          source: customerId === undefined ? 'manual' : 'customer',
          ...(customerId === undefined ? {} : { customer_id: customerId }),
        },
        newKey(),
      )
      expect(call_id)
      return true
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      refusal.value = { code: error.code, words: error.words }
      return false
    } finally {
      dialling.value = false
    }
  }

  async function hangUp(): Promise<void> {
    const current = call.value
    if (!current) {
      softphone?.hangUp()
      return
    }
    hangingUp.value = current.id
    try {
      await callsApi.hangUp(current.id)
    } catch (error) {
      hangingUp.value = null
      softphone?.hangUp()
      if (!(error instanceof ApiError)) throw error
    }
  }

  async function chooseDevices(choice: DeviceChoice): Promise<void> {
    devices.value = choice
    saveChoice(choice)
    await softphone?.useDevices(choice)
  }

  return {
    state,
    devices,
    dialling,
    refusal,
    warning,
    typed,
    hangingUp,
    agent,
    call,
    ringing,
    busy,
    canDial,
    soundElsewhere,
    start,
    stop,
    dial,
    hangUp,
    chooseDevices,
    answer: () => softphone?.answer(),
    decline: () => softphone?.hangUp(),
    setMuted: (muted: boolean) => softphone?.setMuted(muted),
    setHeld: (held: boolean) => softphone?.setHeld(held),
    sendTone: (digit: string) => softphone?.sendTone(digit),
    echoTest: () => softphone?.echoTest(),
    testRing: () => softphone?.testRing(),
    playBlockedSound: () => softphone?.playBlockedSound(),
  }
})
