import { describe, expect, it } from 'vitest'
import { initialPhone, microphoneFault, reducePhone, type PhoneFact } from './state'

const arrival: PhoneFact = { type: 'leg_arrived', id: 'x', purpose: 'call', callId: 'c1', autoAnswer: false, from: '138', at: 1 }
const after = (...facts: PhoneFact[]) => facts.reduce(reducePhone, initialPhone)

describe('the phone state', () => {
  it('rings, is answered, talks and ends', () => {
    expect(after(arrival).leg?.state).toBe('ringing')
    expect(after(arrival, { type: 'leg_answering', id: 'x' }).leg?.state).toBe('answering')
    expect(after(arrival, { type: 'leg_talking', id: 'x' }).leg?.state).toBe('talking')
    expect(after(arrival, { type: 'leg_gone', id: 'x' }).leg).toBeNull()
  })

  it('keeps the first leg when a second one knocks', () => {
    expect(after(arrival, { ...arrival, id: 'y' }).leg?.id).toBe('x')
  })

  it('ignores the end of a leg it does not hold', () => {
    expect(after(arrival, { type: 'leg_gone', id: 'y' }).leg?.id).toBe('x')
  })

  it('waits for the far side before it calls a leg held', () => {
    const asked = after(arrival, { type: 'leg_talking', id: 'x' }, { type: 'hold_asked' })
    expect(asked.leg).toMatchObject({ held: false, moving: true })
    expect(reducePhone(asked, { type: 'held', held: true }).leg).toMatchObject({ held: true, moving: false })
  })

  it('forgets the quality of a call that is over', () => {
    const quality = { lossPercent: 1, jitterMs: 5, roundTripMs: 20, mos: 4.2, inboundLevel: 0.2, outboundLevel: 0.1 }
    expect(after(arrival, { type: 'quality', quality }, { type: 'leg_gone', id: 'x' }).quality).toBeNull()
    expect(after({ type: 'quality', quality }).quality).toBeNull()
  })

  it('names why a microphone could not be opened', () => {
    expect(microphoneFault(new DOMException('', 'NotAllowedError'))).toBe('denied')
    expect(microphoneFault(new DOMException('', 'NotReadableError'))).toBe('taken')
    expect(microphoneFault(new DOMException('', 'NotFoundError'))).toBe('missing')
  })
})
