/** How well a line sounds: the E-model of ITU-T G.107 with its defaults, as in `callcenter/domain/quality.py`. */
import type { Measured } from '@/kit/api'
import type { Sample } from './stats'

export interface Line {
  /** 0 to 1. */
  loss: number
  jitterMs: number
  roundTripMs: number | null
}

export type Verdict = 'good' | 'fair' | 'poor'

const BEST_R = 93.2
const LOSS_ROBUSTNESS = 10
const JITTER_BUFFERS = 2
const CODEC_MS = 20
const BAD_MOS = 3.1
const FAIR_MOS = 3.6
const WINDOW_MS = 10_000

/** The opinion score people would give, from 1 to 4.4. */
export function mos(line: Line): number {
  const oneWay = (line.roundTripMs ?? 0) / 2 + JITTER_BUFFERS * line.jitterMs + CODEC_MS
  const delay = 0.024 * oneWay + (oneWay > 177.3 ? 0.11 * (oneWay - 177.3) : 0)
  const percent = 100 * Math.min(1, Math.max(0, line.loss))
  const r = Math.max(0, Math.min(BEST_R, BEST_R - delay - (95 * percent) / (percent + LOSS_ROBUSTNESS)))
  return Math.round(Math.max(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6) * 100) / 100
}

export function verdict(score: number): Verdict {
  if (score < BAD_MOS) return 'poor'
  return score < FAIR_MOS ? 'fair' : 'good'
}

const mean = (values: number[]) => values.reduce((sum, one) => sum + one, 0) / Math.max(1, values.length)

/** Gathers the samples of one call: the whole of it, and the last ten seconds for the meter. */
export class CallMeter {
  private samples: { at: number; sample: Sample }[] = []
  private jitters: number[] = []
  private trips: number[] = []
  private worst = 5

  add(sample: Sample, at: number): number {
    this.samples.push({ at, sample })
    this.jitters.push(sample.jitter * 1000)
    if (sample.roundTrip !== null) this.trips.push(sample.roundTrip * 1000)
    const score = mos(this.lately(at))
    // A call is not judged by its first moments, in which the jitter has not settled.
    if (at - (this.samples[0]?.at ?? at) >= WINDOW_MS / 2) this.worst = Math.min(this.worst, score)
    return score
  }

  /** The line of the last ten seconds. */
  lately(now: number): Line {
    const recent = this.samples.filter((one) => one.at >= now - WINDOW_MS)
    return this.line(recent.map((one) => one.sample))
  }

  /** Null for a call of which too little was heard to say anything. */
  result(): Measured | null {
    const all = this.samples.map((one) => one.sample)
    if (all.length < 4) return null
    const whole = { ...this.line(all), jitterMs: mean(this.jitters), roundTripMs: this.trips.length ? mean(this.trips) : null }
    const limited = (value: number) => Math.min(60_000, Math.max(0, Math.round(value * 100) / 100))
    return {
      loss: Math.min(1, Math.max(0, whole.loss)),
      jitter_ms: limited(whole.jitterMs),
      round_trip_ms: whole.roundTripMs === null ? null : limited(whole.roundTripMs),
      worst_mos: Math.min(this.worst, mos(whole)),
    }
  }

  private line(samples: Sample[]): Line {
    const first = samples[0]
    const last = samples.at(-1)
    if (!first || !last) return { loss: 0, jitterMs: 0, roundTripMs: null }
    const lost = Math.max(0, last.packetsLost - first.packetsLost)
    const received = Math.max(0, last.packetsReceived - first.packetsReceived)
    const heard = lost + received > 0 ? lost / (lost + received) : 0
    return { loss: Math.max(heard, mean(samples.map((one) => one.remoteLoss))), jitterMs: last.jitter * 1000, roundTripMs: last.roundTrip === null ? null : last.roundTrip * 1000 }
  }
}
