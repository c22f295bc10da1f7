import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { translate } from '@/i18n'
import { ApiError, api, type CallWarning, type LegOrder, type LiveCall, type Measured, type Mode, type Move, type NewCall, type Target, type Words } from '@/kit/api'
import { alive, isUp, legOf, possible } from '@/phone/parties'
import { loadChoice, saveChoice, type DeviceChoice } from '@/softphone/devices'
import { initialPhone, type PhoneState } from '@/softphone/state'
import type { Softphone } from '@/softphone'
import { newKey } from '@/util/key'
import { useLead } from './lead'
import { useRejoin } from './rejoin'
import { useLive } from './live'
import { useSession } from './session'

const EXPECT_MS = 6000
const RELEASE_MS = 2000

export interface Refusal {
  code: string
  words: Words
}

/** The agent's phone: the browser line, the call the server says we are in, and what may be pressed now. */
export const usePhone = defineStore('phone', () => {
  const session = useSession()
  const live = useLive()
  const lead = useLead()

  const state = shallowRef<PhoneState>(initialPhone)
  const devices = ref<DeviceChoice>(loadChoice())
  const dialling = ref(false)
  const refusal = ref<Refusal | null>(null)
  const warning = ref<CallWarning | null>(null)
  const typed = ref('')
  /** How the next call is set up, where that differs from the seat's way. */
  const chosen = ref<{ mode?: Mode; leg_order?: LegOrder }>({})
  const hangingUp = ref<string | null>(null)
  /** What a dial task says of whom it had called. */
  const about = ref<{ callId: string; words: string } | null>(null)
  const transferOpen = ref(false)
  /** A move was sent and the server has not answered yet. */
  const moving = ref(false)
  /** Accepted by the server, not yet seen on the live link. */
  const expected = ref<string | null>(null)
  let softphone: Softphone | null = null

  const agent = computed(() => live.state.entities.agent[String(session.me?.id)] ?? null)
  const call = computed<LiveCall | null>(() => {
    const id = session.me?.id
    if (id === undefined) return null
    // Whoever has left a call is done with it, although it is theirs in the log and others still talk.
    const left = (one: LiveCall) => legOf(one, id) === null && one.legs.some((leg) => leg.employee_id === id)
    const mine = live.calls.filter((one) => (one.employee?.id === id || one.ringing.includes(id)) && !left(one))
    return mine.find((one) => one.id === agent.value?.call_id) ?? mine[0] ?? null
  })
  /** This employee's own leg of the call. */
  const myLeg = computed(() => (call.value && session.me ? legOf(call.value, session.me.id) : null))
  const supervises = computed(() => myLeg.value?.role === 'supervisor')
  const can = computed(() =>
    call.value && session.me && session.may('calls.control') ? possible(call.value, session.me.id) : null,
  )
  const legRings = computed(
    () => state.value.leg?.purpose === 'call' && state.value.leg.state === 'ringing' && !state.value.leg.autoAnswer,
  )
  /** Our own phone rings because this person asked to supervise: nothing to decide. */
  const supervisorRing = computed(() => {
    const arrived = state.value.leg?.callId ?? null
    return legRings.value && supervises.value && (arrived === null || arrived === call.value?.id)
  })
  const ringing = computed(() => legRings.value && !supervisorRing.value)
  /** A desk phone of ours rings for a call of somebody else's making. */
  const ringsDesk = computed(() => {
    const leg = myLeg.value
    return session.me?.device === 'sip' && !ownClick.value && leg !== null && leg.role !== 'supervisor' && !isUp(leg)
  })
  const ownClick = computed(() => call.value?.direction === 'outbound' && call.value.state === 'dialing_agent')
  /** An open line is no call: it waits for one. */
  const onLine = computed(() => state.value.leg?.purpose === 'line')
  const busy = computed(() => call.value !== null || (state.value.leg !== null && !onLine.value))
  const canDial = computed(() => session.may('calls.dial') && !dialling.value && !expected.value && !busy.value)
  /** Sound is somewhere else: after a reload, or when a desk phone carries the call. */
  const soundElsewhere = computed(() => call.value !== null && state.value.leg === null)

  /** Hold by the server: always for a desk phone, and once a third party was there, because the legs sit in a room then. */
  const holdsByMove = computed(
    () => call.value !== null && (session.me?.device === 'sip' || onLine.value || call.value.legs.some((leg) => leg.role === 'third')),
  )
  /** Hold was pressed on a desk phone: only that phone can end it. */
  const phoneHold = computed(() => state.value.leg === null && myLeg.value?.phone_hold === true)
  const held = computed(() => {
    if (state.value.leg?.held || phoneHold.value) return true
    if (!holdsByMove.value || !call.value || !myLeg.value) return false
    const customer = alive(call.value, 'customer')
    return alive(call.value, 'third') === null && (customer?.state === 'held' || customer?.place === 'held')
  })
  const canHold = computed(() => {
    const leg = state.value.leg
    if (leg?.moving || phoneHold.value) return false
    if (leg?.held) return true
    if (holdsByMove.value) return !moving.value && can.value !== null && (can.value.hold || can.value.resume)
    return leg?.state === 'talking' && !supervises.value
  })
  const canTransfer = computed(() => can.value?.transfer === true && !state.value.leg?.moving)

  let wanted: AbortController | null = null

  /** Only the leading tab holds the line: two would take each other's credentials. */
  async function start(): Promise<void> {
    if (wanted) return
    const mine = new AbortController()
    wanted = mine
    const module = await import('@/softphone')
    if (mine.signal.aborted) return
    softphone = new module.Softphone({ credentials: () => api('POST /api/softphone/credentials'), changed: (next) => (state.value = next), measured })
    softphone.start()
  }

  function stop(): void {
    wanted?.abort()
    wanted = null
    softphone?.stop()
    softphone = null
    state.value = initialPhone
  }

  /** A report that does not get through is no loss to the call. */
  function measured(callId: string, line: Measured): void {
    void api('POST /api/calls/{call_id}/quality', { call_id: callId, body: line }).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error
    })
  }

  watch(
    () => (session.usesBrowserPhone ? (lead.leading ? 'mine' : 'elsewhere') : 'none'),
    (line) => {
      if (line === 'mine') void start()
      else {
        stop()
        if (line === 'elsewhere') state.value = { ...initialPhone, line: 'elsewhere' }
      }
    },
    { immediate: true },
  )

  const { rejoin, retryRejoin } = useRejoin(state, call, myLeg)

  watch([ringing, ownClick], ([rings, mine]) => {
    if (rings && mine) void softphone?.answer()
  })

  watch(supervisorRing, (rings) => {
    if (rings) void softphone?.answer()
  })

  live.on('warning', (event) => (warning.value = event))
  watch(
    () => call.value?.id,
    () => {
      warning.value = null
      // What was refused before this call, or in it, says nothing of the next.
      refusal.value = null
      hangingUp.value = null
      transferOpen.value = false
    },
  )
  watch(
    () => can.value?.transfer === false,
    (gone) => {
      if (gone) transferOpen.value = false
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

  async function dial(number: string, customerId?: number): Promise<boolean> {
    const clean = number.trim()
    if (!clean) return false
    const called = await place({
      number: clean,
      source: customerId === undefined ? 'manual' : 'customer',
      ...(customerId === undefined ? {} : { customer_id: customerId }),
    })
    return called !== null
  }

  /** A number of a dial task goes by its id: it may be masked here. `words` say who it is, for the card of the call. */
  async function dialTask(taskNumberId: number, words: string): Promise<boolean> {
    const callId = await place({ task_number_id: taskNumberId })
    if (callId !== null) about.value = { callId, words }
    return callId !== null
  }

  /** One click, one call: the key is made here and nothing else may dial until the server has answered. */
  async function place(what: NewCall): Promise<string | null> {
    if (!canDial.value) return null
    dialling.value = true
    refusal.value = null
    try {
      const { call_id, hint } = await api('POST /api/calls', { body: { ...what, ...chosen.value }, key: newKey() })
      expect(call_id)
      if (hint) ElMessage.warning({ message: translate('phone.numberLeaving'), grouping: true })
      chosen.value = {}
      return call_id
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      refusal.value = { code: error.code, words: error.words }
      return null
    } finally {
      dialling.value = false
    }
  }

  /** Runs one move of the call; a refusal is shown with the other notices of the phone. */
  async function attempt(work: (id: string) => Promise<unknown>): Promise<boolean> {
    const current = call.value
    if (!current || moving.value) return false
    moving.value = true
    refusal.value = null
    try {
      await work(current.id)
      return true
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      refusal.value = { code: error.code, words: error.words }
      return false
    } finally {
      moving.value = false
    }
  }

  const move = (what: Move['move']) => attempt((id) => api('POST /api/calls/{call_id}/move', { call_id: id, body: { move: what } }))
  const dropLeg = (leg: string) => attempt((id) => api('POST /api/calls/{call_id}/legs/{leg}/drop', { call_id: id, leg }))

  /** The browser mutes itself, at once and for certain; any other phone is muted by the telephone system. */
  const muted = computed(() => (state.value.leg ? state.value.leg.muted : (myLeg.value?.muted ?? false)))
  const canMute = computed(() => (state.value.leg ? state.value.leg.state === 'talking' : can.value !== null && myLeg.value !== null && isUp(myLeg.value)))

  async function setMuted(on: boolean): Promise<void> {
    if (state.value.leg) softphone?.setMuted(on)
    else await attempt((id) => api('POST /api/calls/{call_id}/mute', { call_id: id, body: { on } }))
  }

  const canSendTones = computed(() => state.value.leg?.state === 'talking' || (can.value !== null && call.value?.answered_at != null))

  /** The browser's own tones go with its sound; for another phone the system presses the keys. */
  async function sendTone(digit: string): Promise<void> {
    if (state.value.leg) softphone?.sendTone(digit)
    else if (call.value) await api('POST /api/calls/{call_id}/dtmf', { call_id: call.value.id, body: { digits: digit } }).catch(() => undefined)
  }

  async function setHeld(hold: boolean): Promise<void> {
    if (!canHold.value) return
    if (!holdsByMove.value || state.value.leg?.held) softphone?.setHeld(hold)
    else await move(hold ? 'hold' : 'resume')
  }

  /** A hold of the browser's own ends first, or the third party would hear music. */
  async function releaseOwnHold(): Promise<void> {
    if (!state.value.leg?.held) return
    softphone?.setHeld(false)
    const until = Date.now() + RELEASE_MS
    while (state.value.leg?.held && Date.now() < until) await new Promise((resolve) => window.setTimeout(resolve, 50))
  }

  async function passOn(how: 'consult' | 'transfer', target: Target): Promise<boolean> {
    const done = await attempt(async (id) => {
      await releaseOwnHold()
      await api(`POST /api/calls/{call_id}/${how}`, { call_id: id, body: target })
    })
    if (done) transferOpen.value = false
    return done
  }

  async function hangUp(): Promise<void> {
    const current = call.value
    if (!current) {
      if (!onLine.value) softphone?.hangUp()
      return
    }
    const mine = myLeg.value
    if (mine && mine.role !== 'agent') {
      // Somebody else's call: leaving must not end it for the others.
      if (state.value.leg && !onLine.value) softphone?.hangUp()
      else await dropLeg(mine.id)
      return
    }
    hangingUp.value = current.id
    try {
      await api('POST /api/calls/{call_id}/hangup', { call_id: current.id })
    } catch (error) {
      hangingUp.value = null
      if (!onLine.value) softphone?.hangUp()
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
    chosen,
    about,
    onLine,
    hangingUp,
    agent,
    call,
    myLeg,
    supervises,
    can,
    held,
    canHold,
    canTransfer,
    transferOpen,
    moving,
    ringing,
    busy,
    canDial,
    soundElsewhere,
    start,
    stop,
    dial,
    dialTask,
    hangUp,
    move,
    dropLeg,
    passOn,
    setHeld,
    chooseDevices,
    answer: () => softphone?.answer(),
    decline: () => softphone?.hangUp(),
    setMuted,
    muted,
    canMute,
    phoneHold,
    sendTone,
    canSendTones,
    rejoin,
    retryRejoin,
    ringsDesk,
    echoTest: () => softphone?.echoTest(),
    testRing: () => softphone?.testRing(),
    playBlockedSound: () => softphone?.playBlockedSound(),
  }
})
