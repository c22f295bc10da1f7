import type { Line } from './quality'
import type { Quality } from './state'

export interface Sample {
  inboundAudioLevel: number
  /** Of the microphone; null while the browser does not let this page listen. */
  outboundAudioLevel: number | null
  packetsReceived: number
  packetsSent: number
  packetsLost: number
  /** Seconds, as WebRTC gives them. */
  jitter: number
  roundTrip: number | null
  /** What the far end says it lost of our packets, 0 to 1. */
  remoteLoss: number
}

declare global {
  interface Window {
    __softphoneStats?: Sample | null
  }
}

interface Report {
  type: string
  kind?: string
  audioLevel?: number
  packetsReceived?: number
  packetsSent?: number
  packetsLost?: number
  jitter?: number
  roundTripTime?: number
  currentRoundTripTime?: number
  nominated?: boolean
  fractionLost?: number
}

/** `outboundAudioLevel` is measured by the caller: not every browser has it in its statistics. */
export async function sample(connection: RTCPeerConnection, outboundAudioLevel: number | null): Promise<Sample> {
  const result: Sample = {
    inboundAudioLevel: 0,
    outboundAudioLevel,
    packetsReceived: 0,
    packetsSent: 0,
    packetsLost: 0,
    jitter: 0,
    roundTrip: null,
    remoteLoss: 0,
  }
  let path: number | null = null
  const reports = await connection.getStats()
  reports.forEach((value: Report) => {
    // Until the first RTCP report (5 s) the path's own round trip is the best there is.
    if (value.type === 'candidate-pair' && value.nominated) path = value.currentRoundTripTime ?? path
    if (value.kind !== 'audio') return
    if (value.type === 'inbound-rtp') {
      result.inboundAudioLevel = value.audioLevel ?? 0
      result.packetsReceived = value.packetsReceived ?? 0
      result.packetsLost = value.packetsLost ?? 0
      result.jitter = value.jitter ?? 0
    } else if (value.type === 'outbound-rtp') {
      result.packetsSent = value.packetsSent ?? 0
    } else if (value.type === 'remote-inbound-rtp') {
      result.roundTrip = value.roundTripTime ?? null
      result.remoteLoss = value.fractionLost ?? 0
    }
  })
  result.roundTrip ??= path
  return result
}

/** What the meter shows: levels of this moment, the line of the last ten seconds. */
export function judge(now: Sample, line: Line, score: number): Quality {
  return {
    lossPercent: line.loss * 100,
    jitterMs: line.jitterMs,
    roundTripMs: line.roundTripMs,
    mos: score,
    inboundLevel: now.inboundAudioLevel,
    outboundLevel: now.outboundAudioLevel ?? 0,
  }
}
