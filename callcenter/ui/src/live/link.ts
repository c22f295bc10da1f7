import type { ServerMessage } from './state'

export type LinkState = 'off' | 'connecting' | 'live' | 'lost'

const PING_MS = 15_000
const SILENT_MS = 40_000
/** The server's close code: newer windows of the same person took this one's place. */
const REPLACED = 4409

export interface LinkPorts {
  resume: () => { epoch: string; seq: number } | null
  received: (message: ServerMessage) => void
  changed: (state: LinkState) => void
  /** The server closed or never opened the link: perhaps the session is over. */
  refused: () => void
}

/** Keeps one WebSocket to /live open: says hello, pings, and comes back with growing pauses. */
export class LiveLink {
  private socket: WebSocket | null = null
  private timer = 0
  private pinger = 0
  private attempt = 0
  private heardAt = 0
  private wanted = false

  constructor(private readonly ports: LinkPorts) {}

  start(): void {
    if (this.wanted) return
    this.wanted = true
    window.addEventListener('online', this.hurry)
    document.addEventListener('visibilitychange', this.hurry)
    this.open()
  }

  stop(): void {
    this.wanted = false
    window.removeEventListener('online', this.hurry)
    document.removeEventListener('visibilitychange', this.hurry)
    window.clearTimeout(this.timer)
    window.clearInterval(this.pinger)
    this.socket?.close()
    this.socket = null
    this.ports.changed('off')
  }

  private readonly hurry = (): void => {
    if (this.socket || !this.wanted || document.hidden) return
    window.clearTimeout(this.timer)
    this.open()
  }

  private open(): void {
    this.ports.changed(this.attempt === 0 ? 'connecting' : 'lost')
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const socket = new WebSocket(`${scheme}://${location.host}/live`)
    this.socket = socket
    socket.onopen = () => {
      this.heardAt = Date.now()
      socket.send(JSON.stringify({ type: 'hello', resume: this.ports.resume() }))
      this.ping(socket)
      this.pinger = window.setInterval(() => this.ping(socket), PING_MS)
    }
    socket.onmessage = (event: MessageEvent<string>) => {
      this.heardAt = Date.now()
      this.attempt = 0
      this.ports.changed('live')
      const message = JSON.parse(event.data) as ServerMessage
      if (message.type !== 'pong') this.ports.received(message)
    }
    socket.onclose = (event) => this.closed(socket, event.code)
  }

  private ping(socket: WebSocket): void {
    if (Date.now() - this.heardAt > SILENT_MS) socket.close()
    else socket.send(JSON.stringify({ type: 'ping' }))
  }

  private closed(socket: WebSocket, code: number): void {
    if (socket !== this.socket) return
    this.socket = null
    window.clearInterval(this.pinger)
    if (!this.wanted) return
    this.attempt += 1
    this.ports.changed('lost')
    if (code === REPLACED) return // ten newer windows move; this one does again when the person looks at it
    if (this.attempt % 3 === 1) this.ports.refused()
    const wait = Math.min(15_000, 500 * 2 ** Math.min(this.attempt, 5)) * (0.75 + Math.random() / 2)
    this.timer = window.setTimeout(() => this.open(), wait)
  }
}
