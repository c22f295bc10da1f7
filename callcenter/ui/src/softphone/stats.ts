import type { Quality } from './state'

export interface Sample {
  inboundAudioLevel: number
  outboundAudioLevel: number
  packetsReceived: number
  packetsSent: number
  packetsLost: number
  jitter: number
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
}

export async function sample(connection: RTCPeerConnection): Promise<Sample> {
  const result: Sample = {
    inboundAudioLevel: 0,
    outboundAudioLevel: 0,
    packetsReceived: 0,
    packetsSent: 0,
    packetsLost: 0,
    jitter: 0,
  }
  const reports = await connection.getStats()
  reports.forEach((value: Report) => {
    if (value.kind !== 'audio') return
    if (value.type === 'inbound-rtp') {
      result.inboundAudioLevel = value.audioLevel ?? 0
      result.packetsReceived = value.packetsReceived ?? 0
      result.packetsLost = value.packetsLost ?? 0
      result.jitter = value.jitter ?? 0
    } else if (value.type === 'outbound-rtp') {
      result.packetsSent = value.packetsSent ?? 0
    } else if (value.type === 'media-source') {
      result.outboundAudioLevel = value.audioLevel ?? 0
    }
  })
  return result
}

/** Loss is of the packets since the sample before, so a bad minute long ago is forgotten. */
export function judge(before: Sample | null, now: Sample): Quality {
  const lost = now.packetsLost - (before?.packetsLost ?? 0)
  const received = now.packetsReceived - (before?.packetsReceived ?? 0)
  const total = lost + received
  return {
    lossPercent: total > 0 ? Math.max(0, (lost / total) * 100) : 0,
    jitterMs: now.jitter * 1000,
    inboundLevel: now.inboundAudioLevel,
    outboundLevel: now.outboundAudioLevel,
  }
}
