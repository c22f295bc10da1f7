/** The only module that knows JsSIP. Everything else sees `PhoneState` and the verbs below. */
import JsSIP from 'jssip'
import type { IncomingRequest } from 'jssip/lib/SIPMessage'
import type { RTCSession } from 'jssip/lib/RTCSession'
import type { RTCSessionEvent, UA } from 'jssip/lib/UA'
import type { Measured, SipCredentials } from '@/kit/api'
import { loadChoice, openMicrophone, routeTo, type DeviceChoice } from './devices'
import { LevelMeter } from './level'
import { Ringer } from './ringer'
import { initialPhone, microphoneFault, reducePhone, type PhoneFact, type PhoneState } from './state'
import { CallMeter } from './quality'
import { judge, sample } from './stats'

const GATHER_MS = 400
const SAMPLE_MS = 500
const SILENT_AFTER_MS = 6000
const SILENCE = 0.0005
const REGISTER_SECONDS = 300
const RENEW_BEFORE_MS = 30_000
const ECHO_TEST = '*43'
/** The server's close code: newer pages of the same person hold the phone. */
const REPLACED = 4409

export interface SoftphonePorts {
  credentials: () => Promise<SipCredentials>
  changed: (state: PhoneState) => void
  /** A call's leg is over: how well its line was. */
  measured: (callId: string, measured: Measured) => void
}

export class Softphone {
  private state: PhoneState = initialPhone
  private ua: UA | null = null
  private session: RTCSession | null = null
  private choice: DeviceChoice = loadChoice()
  private iceServers: RTCIceServer[] = []
  private identity = ''
  private attempt = 0
  private retryTimer = 0
  private renewTimer = 0
  private sampleTimer = 0
  private meter = new CallMeter()
  private quietSince = 0
  private microphone: { stream: MediaStream; level: LevelMeter } | null = null
  private readonly audio = new Audio()
  private readonly ringer = new Ringer()

  constructor(private readonly ports: SoftphonePorts) {
    this.audio.autoplay = true
  }

  start(): void {
    if (this.state.line !== 'off') return
    window.addEventListener('online', this.networkChanged)
    window.addEventListener('pointerdown', this.unlock)
    window.addEventListener('keydown', this.unlock)
    void this.connect()
  }

  stop(): void {
    window.removeEventListener('online', this.networkChanged)
    window.removeEventListener('pointerdown', this.unlock)
    window.removeEventListener('pointerdown', this.comeBack)
    window.removeEventListener('keydown', this.unlock)
    window.clearTimeout(this.retryTimer)
    window.clearTimeout(this.renewTimer)
    this.session?.terminate()
    this.ua?.stop()
    this.ua = null
    this.identity = ''
    this.note({ type: 'line', line: 'off' })
  }

  /** Takes the ringing leg; opens the microphone first so a refusal is known before anyone talks. */
  async answer(): Promise<void> {
    const session = this.session
    const leg = this.state.leg
    if (!session || !leg || leg.state !== 'ringing') return
    this.note({ type: 'leg_answering', id: leg.id })
    this.ringer.stop()
    const stream = await this.openMicrophone()
    if (this.session !== session) {
      stream?.getTracks().forEach((track) => track.stop())
      return
    }
    if (!stream) {
      session.terminate({ status_code: 480 })
      return
    }
    this.takeMicrophone(stream)
    session.answer({ mediaStream: stream, pcConfig: { iceServers: this.iceServers } })
  }

  hangUp(): void {
    if (!this.session || this.session.isEnded()) return
    const declined = this.state.leg?.state === 'ringing' && this.state.leg.purpose === 'call'
    this.session.terminate(declined ? { status_code: 486 } : {})
  }

  setMuted(muted: boolean): void {
    if (muted) this.session?.mute({ audio: true })
    else this.session?.unmute({ audio: true })
  }

  setHeld(held: boolean): void {
    if (!this.session || this.state.leg?.moving) return
    const done = () => this.note({ type: 'held', held })
    const accepted = held ? this.session.hold({}, done) : this.session.unhold({}, done)
    if (accepted) this.note({ type: 'hold_asked' })
  }

  /** RFC 4733 telephone events, so the tone survives whatever codec the call uses. */
  sendTone(digit: string): void {
    const connection = this.session?.connection as unknown as RTCPeerConnection | undefined
    const sender = connection?.getSenders().find((one) => one.track?.kind === 'audio')
    sender?.dtmf?.insertDTMF(digit, 120, 70)
  }

  /** Calls the echo service: the person hears their own voice come back. */
  async echoTest(): Promise<void> {
    if (!this.ua?.isRegistered() || this.session) return
    const stream = await this.openMicrophone()
    if (!stream || this.session) return
    this.takeMicrophone(stream)
    const host = this.identity.split('@')[1] ?? 'localhost'
    this.ua.call(`sip:${ECHO_TEST}@${host}`, { mediaStream: stream, pcConfig: { iceServers: this.iceServers } })
  }

  async useDevices(choice: DeviceChoice): Promise<void> {
    this.choice = choice
    await routeTo(this.audio, choice.speaker)
    const connection = this.session?.connection as unknown as RTCPeerConnection | undefined
    const sender = connection?.getSenders().find((one) => one.track?.kind === 'audio')
    if (!sender) return
    const stream = await this.openMicrophone()
    const track = stream?.getAudioTracks()[0]
    if (!stream || !track) return
    track.enabled = !(this.state.leg?.muted ?? false)
    await sender.replaceTrack(track)
    this.closeMicrophone()
    this.takeMicrophone(stream)
  }

  testRing(): Promise<void> {
    return this.ringer.once(this.choice.ringer)
  }

  playBlockedSound(): void {
    void this.audio.play().then(() => this.note({ type: 'sound_blocked', blocked: false }))
  }

  private note(fact: PhoneFact): void {
    const next = reducePhone(this.state, fact)
    if (next === this.state) return
    this.state = next
    this.ports.changed(next)
  }

  private readonly unlock = (): void => {
    this.ringer.unlock()
    this.microphone?.level.unlock()
  }

  private readonly networkChanged = (): void => {
    if (this.session?.isEstablished()) {
      this.session.renegotiate({ rtcOfferConstraints: { iceRestart: true } })
      return
    }
    window.clearTimeout(this.retryTimer)
    this.attempt = 0
    void this.connect()
  }

  private async connect(): Promise<void> {
    this.note({ type: 'line', line: 'connecting' })
    try {
      const credentials = await this.ports.credentials()
      if (this.stopped()) return
      this.iceServers = credentials.ice_servers.map((one) => (typeof one === 'string' ? { urls: one } : one))
      this.renewAt(credentials.expires_at)
      if (this.ua && this.identity === credentials.uri) {
        this.ua.set('password', credentials.password)
        this.ua.register()
        return
      }
      this.ua?.stop()
      this.ua = this.build(credentials)
      this.identity = credentials.uri
      this.ua.start()
    } catch (error) {
      this.retry(error instanceof Error ? error.message : 'credentials')
    }
  }

  private build(credentials: SipCredentials): UA {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const socket = new JsSIP.WebSocketInterface(`${scheme}://${location.host}${credentials.ws_path}`)
    const ua = new JsSIP.UA({
      sockets: [socket],
      uri: credentials.uri,
      authorization_user: credentials.username,
      password: credentials.password,
      register: true,
      register_expires: REGISTER_SECONDS,
      session_timers: false,
      connection_recovery_min_interval: 2,
      connection_recovery_max_interval: 30,
    })
    ua.on('connected', () => this.note({ type: 'line', line: 'registering' }))
    ua.on('disconnected', (event) => {
      if (ua === this.ua && event.code === REPLACED && !this.session) return this.giveWay()
      if (ua === this.ua && this.state.line !== 'off') this.note({ type: 'line', line: 'retrying', reason: 'link' })
    })
    ua.on('registered', () => {
      this.attempt = 0
      this.note({ type: 'line', line: 'ready' })
    })
    ua.on('registrationFailed', (event) => {
      if (ua === this.ua) this.retry(String(event.cause ?? 'registration'))
    })
    ua.on('newRTCSession', (event: RTCSessionEvent) => this.adopt(event))
    return ua
  }

  /** The phone is on newer pages; it comes back when the person works in this one again. */
  private giveWay(): void {
    const gone = this.ua
    this.ua = null
    this.identity = ''
    gone?.stop()
    window.clearTimeout(this.retryTimer)
    window.clearTimeout(this.renewTimer)
    this.note({ type: 'line', line: 'elsewhere' })
    window.addEventListener('pointerdown', this.comeBack, { once: true })
  }

  private readonly comeBack = (): void => {
    if (this.state.line === 'elsewhere') void this.connect()
  }

  private retry(reason: string): void {
    if (this.stopped()) return
    this.attempt += 1
    this.note({ type: 'line', line: this.attempt > 5 ? 'refused' : 'retrying', reason })
    const wait = Math.min(30_000, 1000 * 2 ** Math.min(this.attempt, 5)) * (0.75 + Math.random() / 2)
    window.clearTimeout(this.retryTimer)
    this.retryTimer = window.setTimeout(() => void this.connect(), wait)
  }

  private renewAt(expiresAt: string): void {
    const wait = Math.max(10_000, Date.parse(expiresAt) - Date.now() - RENEW_BEFORE_MS)
    window.clearTimeout(this.renewTimer)
    this.renewTimer = window.setTimeout(() => void this.renew(), Math.min(wait, 2 ** 31 - 1))
  }

  /** Fresh credentials before the old ones die; a call in progress is left alone. */
  private async renew(): Promise<void> {
    try {
      const credentials = await this.ports.credentials()
      this.renewAt(credentials.expires_at)
      if (this.identity === credentials.uri) this.ua?.set('password', credentials.password)
      else if (!this.session) await this.connect()
    } catch {
      this.renewTimer = window.setTimeout(() => void this.renew(), 10_000)
    }
  }

  private adopt({ session, request, originator }: RTCSessionEvent): void {
    if (this.session && !this.session.isEnded()) {
      session.terminate({ status_code: 486 })
      return
    }
    this.session = session
    const incoming = String(originator) === 'remote' ? (request as IncomingRequest) : null
    const header = (name: string) => incoming?.getHeader(name) ?? null
    const callId = header('X-Call-Id')
    const line = header('X-Line') === 'open'
    const autoAnswer = (callId !== null || line) && header('X-Auto-Answer') === '1'
    const id = session.id
    this.note({
      type: 'leg_arrived',
      id,
      purpose: line ? 'line' : incoming ? 'call' : 'echo',
      callId,
      autoAnswer,
      from: session.remote_identity.uri.user,
      at: Date.now(),
    })
    session.on('peerconnection', ({ peerconnection }) => this.hear(peerconnection as unknown as RTCPeerConnection))
    if (session.connection) this.hear(session.connection as unknown as RTCPeerConnection)
    let gathered = false
    session.on('icecandidate', ({ ready }) => {
      // One candidate is enough on a flat network; waiting for every interface would delay the answer.
      if (!gathered) window.setTimeout(ready, GATHER_MS)
      gathered = true
    })
    session.on('confirmed', () => {
      this.note({ type: 'leg_talking', id })
      this.watchQuality(session)
    })
    session.on('muted', () => this.note({ type: 'muted', muted: true }))
    session.on('unmuted', () => this.note({ type: 'muted', muted: false }))
    session.on('ended', () => this.release(session, id))
    session.on('failed', () => this.release(session, id))
    if (!incoming) return
    if (autoAnswer) void this.answer()
    else void this.ringer.start(this.choice.ringer)
  }

  private hear(connection: RTCPeerConnection): void {
    connection.addEventListener('track', (event) => {
      this.audio.srcObject = event.streams[0] ?? new MediaStream([event.track])
      void routeTo(this.audio, this.choice.speaker)
        .then(() => this.audio.play())
        .catch(() => this.note({ type: 'sound_blocked', blocked: true }))
    })
  }

  private release(session: RTCSession, id: string): void {
    this.ringer.stop()
    window.clearInterval(this.sampleTimer)
    if (this.session === session) this.session = null
    const callId = this.state.leg?.id === id && this.state.leg.purpose === 'call' ? this.state.leg.callId : null
    const measured = this.meter.result()
    this.meter = new CallMeter()
    if (callId !== null && measured) this.ports.measured(callId, measured)
    this.closeMicrophone()
    this.audio.srcObject = null
    window.__softphoneStats = null
    this.note({ type: 'leg_gone', id })
  }

  private async openMicrophone(): Promise<MediaStream | null> {
    try {
      if (!navigator.mediaDevices) throw new DOMException('insecure page', 'SecurityError')
      const stream = await openMicrophone(this.choice)
      const track = stream.getAudioTracks()[0]
      track?.addEventListener('ended', () => this.note({ type: 'microphone', microphone: 'unplugged' }))
      this.note({ type: 'microphone', microphone: 'working' })
      return stream
    } catch (error) {
      this.note({ type: 'microphone', microphone: microphoneFault(error) })
      return null
    }
  }

  private takeMicrophone(stream: MediaStream): void {
    this.microphone = { stream, level: new LevelMeter(stream, SAMPLE_MS) }
  }

  private closeMicrophone(): void {
    this.microphone?.level.close()
    this.microphone?.stream.getTracks().forEach((track) => track.stop())
    this.microphone = null
  }

  private stopped(): boolean {
    return this.state.line === 'off'
  }

  private watchQuality(session: RTCSession): void {
    window.clearInterval(this.sampleTimer)
    this.meter = new CallMeter()
    this.quietSince = Date.now()
    this.sampleTimer = window.setInterval(() => void this.measure(session), SAMPLE_MS)
  }

  private async measure(session: RTCSession): Promise<void> {
    const connection = session.connection as unknown as RTCPeerConnection | undefined
    if (!connection || session !== this.session) return
    const level = this.microphone?.level.peak() ?? null
    const now = await sample(connection, level)
    if (session !== this.session) return
    window.__softphoneStats = now
    const at = Date.now()
    const score = this.meter.add(now, at)
    this.note({ type: 'quality', quality: judge(now, this.meter.lately(at), score) })
    const leg = this.state.leg
    const excused = !leg || leg.muted || leg.held || leg.state !== 'talking'
    if (excused || level === null || level > SILENCE) {
      this.quietSince = Date.now()
      if (this.state.microphone === 'silent') this.note({ type: 'microphone', microphone: 'working' })
    } else if (Date.now() - this.quietSince > SILENT_AFTER_MS && this.state.microphone === 'working') {
      this.note({ type: 'microphone', microphone: 'silent' })
    }
  }
}
