/** The most that an analyser looks back on, in samples: 0.7 s at 48 kHz. */
const LONGEST = 32_768

/** How loud a stream is, heard from the audio itself: statistics tell it in some browsers only. */
export class LevelMeter {
  private readonly context = new AudioContext()
  private readonly analyser = this.context.createAnalyser()
  /** Held here, since a source that nobody holds may be collected and then falls silent. */
  private readonly source: MediaStreamAudioSourceNode
  private readonly samples: Float32Array<ArrayBuffer>

  /** `every`: milliseconds between two looks, at most 680; no sound falls between them. */
  constructor(stream: MediaStream, every: number) {
    const wanted = (every / 1000) * this.context.sampleRate
    this.analyser.fftSize = Math.min(LONGEST, 2 ** Math.ceil(Math.log2(wanted)))
    this.samples = new Float32Array(this.analyser.fftSize)
    this.source = this.context.createMediaStreamSource(stream)
    this.source.connect(this.analyser)
  }

  /** The loudest moment since the last look, 0 to 1; null while the browser does not let this page listen. */
  peak(): number | null {
    if (this.context.state !== 'running') return null
    this.analyser.getFloatTimeDomainData(this.samples)
    return loudest(this.samples)
  }

  /** A browser may let a page listen only after a gesture: call this from any click or key. */
  unlock(): void {
    if (this.context.state === 'suspended') void this.context.resume()
  }

  close(): void {
    this.source.disconnect()
    void this.context.close()
  }
}

export function loudest(samples: Float32Array): number {
  let peak = 0
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample))
  return peak
}
