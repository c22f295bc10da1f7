import { routeTo } from './devices'

const RING_SECONDS = 1
const CYCLE_MS = 4000
const RESUME_MS = 1000

/** The 450 Hz, one-second-in-five ring that phones in China make, synthesised so nothing is downloaded. */
export class Ringer {
  private context: AudioContext | null = null
  private timer = 0

  /** A browser lets a page make sound only after a gesture: call this from any click or key. */
  unlock(): void {
    this.context ??= new AudioContext()
    if (this.context.state === 'suspended') void this.context.resume()
  }

  async start(deviceId: string): Promise<void> {
    if (this.timer) return
    this.timer = window.setInterval(() => this.burst(), CYCLE_MS)
    await this.sendTo(deviceId)
    if (this.timer) this.burst()
  }

  stop(): void {
    window.clearInterval(this.timer)
    this.timer = 0
  }

  async once(deviceId: string): Promise<void> {
    this.unlock()
    await this.sendTo(deviceId)
    this.burst()
  }

  /** A change of device suspends the sound for a moment: the first ring waits for it. Without a gesture it stays so. */
  private async sendTo(deviceId: string): Promise<void> {
    this.context ??= new AudioContext()
    await routeTo(this.context, deviceId)
    const late = new Promise((done) => window.setTimeout(done, RESUME_MS))
    if (this.context.state !== 'running') await Promise.race([this.context.resume(), late])
  }

  private burst(): void {
    const context = this.context
    if (!context || context.state !== 'running') return
    const now = context.currentTime
    const gain = context.createGain()
    gain.gain.setValueAtTime(0, now)
    gain.gain.linearRampToValueAtTime(0.22, now + 0.03)
    gain.gain.setValueAtTime(0.22, now + RING_SECONDS - 0.06)
    gain.gain.linearRampToValueAtTime(0, now + RING_SECONDS)
    gain.connect(context.destination)
    for (const frequency of [450, 480]) {
      const tone = context.createOscillator()
      tone.frequency.value = frequency
      tone.connect(gain)
      tone.start(now)
      tone.stop(now + RING_SECONDS)
    }
  }
}
