/** The browser phone as one immutable value and one pure function over it. */

export type LineState = 'off' | 'elsewhere' | 'connecting' | 'registering' | 'ready' | 'retrying' | 'refused'
export type MicrophoneState = 'unknown' | 'working' | 'silent' | 'denied' | 'missing' | 'taken' | 'unplugged'
export type LegState = 'ringing' | 'answering' | 'talking'

export interface Leg {
  readonly id: string
  /** `line`: the open line of point-dial, which carries one call after the other. */
  readonly purpose: 'call' | 'echo' | 'line'
  readonly callId: string | null
  readonly autoAnswer: boolean
  readonly from: string
  readonly state: LegState
  readonly muted: boolean
  readonly held: boolean
  readonly moving: boolean
  readonly startedAt: number
}

export interface Quality {
  readonly lossPercent: number
  readonly jitterMs: number
  readonly roundTripMs: number | null
  readonly mos: number
  readonly inboundLevel: number
  readonly outboundLevel: number
}

export interface PhoneState {
  readonly line: LineState
  readonly reason: string | null
  readonly leg: Leg | null
  readonly microphone: MicrophoneState
  readonly quality: Quality | null
  readonly soundBlocked: boolean
}

export type PhoneFact =
  | { type: 'line'; line: LineState; reason?: string | null }
  | {
      type: 'leg_arrived'
      id: string
      purpose: Leg['purpose']
      callId: string | null
      autoAnswer: boolean
      from: string
      at: number
    }
  | { type: 'leg_answering'; id: string }
  | { type: 'leg_talking'; id: string }
  | { type: 'leg_gone'; id: string }
  | { type: 'muted'; muted: boolean }
  | { type: 'hold_asked' }
  | { type: 'held'; held: boolean }
  | { type: 'microphone'; microphone: MicrophoneState }
  | { type: 'quality'; quality: Quality }
  | { type: 'sound_blocked'; blocked: boolean }

export const initialPhone: PhoneState = {
  line: 'off',
  reason: null,
  leg: null,
  microphone: 'unknown',
  quality: null,
  soundBlocked: false,
}

const onLeg = (state: PhoneState, change: Partial<Leg>): PhoneState =>
  state.leg ? { ...state, leg: { ...state.leg, ...change } } : state

export function reducePhone(state: PhoneState, fact: PhoneFact): PhoneState {
  switch (fact.type) {
    case 'line':
      return { ...state, line: fact.line, reason: fact.reason ?? null }
    case 'leg_arrived':
      if (state.leg) return state
      return {
        ...state,
        quality: null,
        leg: {
          id: fact.id,
          purpose: fact.purpose,
          callId: fact.callId,
          autoAnswer: fact.autoAnswer,
          from: fact.from,
          state: 'ringing',
          muted: false,
          held: false,
          moving: false,
          startedAt: fact.at,
        },
      }
    case 'leg_answering':
      return state.leg?.id === fact.id && state.leg.state === 'ringing' ? onLeg(state, { state: 'answering' }) : state
    case 'leg_talking':
      return state.leg?.id === fact.id ? onLeg(state, { state: 'talking' }) : state
    case 'leg_gone':
      return state.leg?.id === fact.id ? { ...state, leg: null, quality: null, soundBlocked: false } : state
    case 'muted':
      return onLeg(state, { muted: fact.muted })
    case 'hold_asked':
      return onLeg(state, { moving: true })
    case 'held':
      return onLeg(state, { held: fact.held, moving: false })
    case 'microphone':
      return state.microphone === fact.microphone ? state : { ...state, microphone: fact.microphone }
    case 'quality':
      return state.leg ? { ...state, quality: fact.quality } : state
    case 'sound_blocked':
      return state.soundBlocked === fact.blocked ? state : { ...state, soundBlocked: fact.blocked }
  }
}

/** Why the microphone could not be opened, in our words. */
export function microphoneFault(error: unknown): MicrophoneState {
  const name = error instanceof Error || error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  if (name === 'NotReadableError' || name === 'AbortError') return 'taken'
  return 'missing'
}
