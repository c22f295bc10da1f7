import { describe, expect, it } from 'vitest'
import { CallMeter, mos, verdict } from './quality'
import type { Sample } from './stats'

const sample = (packetsReceived: number, packetsLost: number, jitter = 0.002, roundTrip: number | null = 0.02): Sample => ({
  inboundAudioLevel: 0.1,
  outboundAudioLevel: 0.1,
  packetsReceived,
  packetsSent: packetsReceived,
  packetsLost,
  jitter,
  roundTrip,
  remoteLoss: 0,
})

describe('the E-model', () => {
  // The same figures as tests/domain/test_quality.py, so that both languages agree.
  it.each([
    [{ loss: 0, jitterMs: 0, roundTripMs: 0 }, 4.4],
    [{ loss: 0.01, jitterMs: 5, roundTripMs: 50 }, 4.14],
    [{ loss: 0.05, jitterMs: 20, roundTripMs: 100 }, 3.04],
    [{ loss: 0.2, jitterMs: 40, roundTripMs: null }, 1.51],
    [{ loss: 1, jitterMs: 0, roundTripMs: null }, 1],
  ])('scores %o', (line, expected) => expect(mos(line)).toBe(expected))

  it('has words', () => expect([4.2, 3.3, 2].map(verdict)).toEqual(['good', 'fair', 'poor']))
})

describe('the meter of a call', () => {
  it('says nothing of a call that was hardly heard', () => {
    const meter = new CallMeter()
    meter.add(sample(10, 0), 0)
    expect(meter.result()).toBeNull()
  })

  it('forgets a bad moment in the meter but not in the result', () => {
    const meter = new CallMeter()
    let received = 0
    let lost = 0
    let score = 0
    for (let second = 0; second < 40; second += 1) {
      received += 40
      lost += second >= 10 && second < 15 ? 20 : 0
      score = meter.add(sample(received, lost), second * 1000)
    }
    expect(score).toBeGreaterThan(4.2)
    const result = meter.result()
    expect(result?.worst_mos).toBeLessThan(3)
    expect(result?.loss).toBeCloseTo(100 / 1660, 2)
    expect(result?.round_trip_ms).toBeCloseTo(20)
  })
})
