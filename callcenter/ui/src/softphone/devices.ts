/** Which microphone, speaker and ringing device this person chose; remembered by this browser. */
import { LevelMeter } from './level'

export interface DeviceChoice {
  microphone: string
  speaker: string
  ringer: string
}

export interface DeviceList {
  microphones: MediaDeviceInfo[]
  speakers: MediaDeviceInfo[]
}

const KEY = 'callcenter.devices'
const LOOK_MS = 100

export function loadChoice(): DeviceChoice {
  const none: DeviceChoice = { microphone: '', speaker: '', ringer: '' }
  try {
    return { ...none, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<DeviceChoice>) }
  } catch {
    return none
  }
}

export function saveChoice(choice: DeviceChoice): void {
  localStorage.setItem(KEY, JSON.stringify(choice))
}

export async function listDevices(): Promise<DeviceList> {
  const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? []
  const known = all.filter((device) => device.deviceId !== '')
  return {
    microphones: known.filter((device) => device.kind === 'audioinput'),
    speakers: known.filter((device) => device.kind === 'audiooutput'),
  }
}

/**
 * Opens the chosen microphone, or the default one when it is not plugged in.
 *
 * `ideal` is a wish that Chromium does not grant: only `exact` opens the device that was chosen.
 */
export async function openMicrophone(choice: DeviceChoice): Promise<MediaStream> {
  const cleaned = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
  if (choice.microphone) {
    try {
      return await navigator.mediaDevices.getUserMedia({ audio: { ...cleaned, deviceId: { exact: choice.microphone } } })
    } catch (error) {
      if (!isGone(error)) throw error
    }
  }
  return navigator.mediaDevices.getUserMedia({ audio: cleaned })
}

/** Browsers say that there is no such device by either of two errors. */
const isGone = (error: unknown) => ['OverconstrainedError', 'NotFoundError'].includes((error as Error).name)

interface Sinkable {
  setSinkId?: (id: string) => Promise<void>
}

/** Sends sound to a device; a browser without that ability keeps its default output. */
export async function routeTo(target: object, deviceId: string): Promise<void> {
  const sink = target as Sinkable
  if (!sink.setSinkId) return
  try {
    await sink.setSinkId(deviceId)
  } catch {
    await sink.setSinkId('').catch(() => undefined)
  }
}

/** Opens the microphone and reports its level ten times a second until stopped. */
export async function watchLevel(choice: DeviceChoice, report: (level: number) => void): Promise<() => void> {
  const stream = await openMicrophone(choice)
  const meter = new LevelMeter(stream, LOOK_MS)
  const timer = window.setInterval(() => report(meter.peak() ?? 0), LOOK_MS)
  return () => {
    window.clearInterval(timer)
    meter.close()
    for (const track of stream.getTracks()) track.stop()
  }
}
