/** The most that an analyser looks back on, in samples: 0.7 s at 48 kHz. */
const LONGEST = 32_768

interface Ear {
  context: AudioContext
  analyser: AnalyserNode
  /** Held here, since a source that nobody holds may be collected and then falls silent. */
  source: MediaStreamAudioSourceNode
  samples: Float32Array<ArrayBuffer>
}

/** `every`: milliseconds between two looks, at most 680; no sound falls between them. */
function earOn(stream: MediaStream, every: number): Ear {
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  analyser.fftSize = Math.min(LONGEST, 2 ** Math.ceil(Math.log2((every / 1000) * context.sampleRate)))
  const source = context.createMediaStreamSource(stream)
  source.connect(analyser)
  return { context, analyser, source, samples: new Float32Array(analyser.fftSize) }
}

/** How loud a stream is, heard from the audio itself: statistics tell it in some browsers only. */
export class LevelMeter {
  private ear: Ear | null = null

  /** A browser that gives no audio context (too many are open) leaves the level unknown; the call is not held up. */
  constructor(stream: MediaStream, every: number) {
    try {
      this.ear = earOn(stream, every)
    } catch (error) {
      console.warn('the microphone has no level meter', error)
    }
  }

  /** The loudest moment since the last look, 0 to 1; null while the browser does not let this page listen. */
  peak(): number | null {
    if (this.ear?.context.state !== 'running') return null
    this.ear.analyser.getFloatTimeDomainData(this.ear.samples)
    return loudest(this.ear.samples)
  }

  /** A browser may let a page listen only after a gesture: call this from any click or key. */
  unlock(): void {
    if (this.ear?.context.state === 'suspended') void this.ear.context.resume()
  }

  close(): void {
    this.ear?.source.disconnect()
    void this.ear?.context.close()
    this.ear = null
  }
}

export function loudest(samples: Float32Array): number {
  let peak = 0
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample))
  return peak
}
