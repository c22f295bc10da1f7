import { afterEach, describe, expect, it, vi } from 'vitest'
import { api, ApiError, formOf, href, onSignedOut, rowsOf } from '.'

function answering(body: unknown, status = 200) {
  const asked = vi.fn<(path: string, init: RequestInit) => Promise<Response>>(async () => new Response(status === 204 ? null : JSON.stringify(body), { status }))
  vi.stubGlobal('fetch', asked)
  return asked
}
const refusal = { error: { code: 'not_signed_in', message: { zh: '请登录', en: 'Sign in' }, details: { left: 1 }, request_id: 'r' } }

afterEach(() => vi.unstubAllGlobals())

describe('a call by method and path', () => {
  it('puts path parameters in, leaves empty filters out and gives the answer', async () => {
    const asked = answering({ items: [], total: 0, page: 1, page_size: 20 })
    expect((await api('GET /api/customers', { query: { q: '王', tag: '', page: 2 } })).total).toBe(0)
    expect(asked.mock.calls[0]![0]).toBe('/api/customers?q=%E7%8E%8B&page=2')
    await api('POST /api/calls/{call_id}/legs/{leg}/drop', { call_id: 'c1', leg: 'a/b' })
    expect(asked.mock.calls[1]![0]).toBe('/api/calls/c1/legs/a%2Fb/drop')
  })

  it('sends a body, or an empty one where something is posted without', async () => {
    const asked = answering(null, 204)
    expect(await api('POST /api/calls/{call_id}/hangup', { call_id: 'c' })).toBeUndefined()
    await api('PUT /api/calls/{call_id}/mark', { call_id: 'c', body: { mark: null } })
    await api('DELETE /api/groups/{id}', { id: 3 })
    expect(asked.mock.calls.map(([, init]) => [init.method, init.body])).toEqual([['POST', '{}'], ['PUT', '{"mark":null}'], ['DELETE', undefined]])
  })

  it('carries an idempotency key, a form and a signal', async () => {
    const asked = answering({})
    const { signal } = new AbortController()
    await api('POST /api/recharges', { body: formOf({ amount: 100, remark: '' }), key: 'k1', signal })
    const { headers, body, signal: sent } = asked.mock.calls[0]![1]
    expect(headers).toEqual({ Accept: 'application/json', 'Idempotency-Key': 'k1' })
    expect([...(body as FormData)]).toEqual([['amount', '100']])
    expect(sent).toBe(signal)
  })

  it('throws one kind of error, and says when the session is over', async () => {
    const left = vi.fn()
    onSignedOut(left)
    answering(refusal, 401)
    const error = await api('GET /api/me').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ code: 'not_signed_in', status: 401, details: { left: 1 }, requestId: 'r' })
    expect(left).toHaveBeenCalledOnce()
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('network')))
    await expect(api('GET /api/me')).rejects.toMatchObject({ code: 'offline' })
  })

  it('gives the rows of a short list, and addresses for what the browser fetches itself', async () => {
    const asked = answering({ items: [{ id: 1 }], total: 1 })
    expect(await rowsOf('GET /api/employees', { state: 'active' })).toEqual([{ id: 1 }])
    expect(asked.mock.calls[0]![0]).toBe('/api/employees?page_size=200&state=active')
    expect(href('GET /api/recharges/{id}/proof', { id: 7 })).toBe('/api/recharges/7/proof')
    expect(href('GET /api/audit/export.xlsx', { query: { q: 'a', action: '' } })).toBe('/api/audit/export.xlsx?q=a')
  })
})

describe('the compiler', () => {
  it('holds every call to the document', () => {
    const wrong = () => [
      // @ts-expect-error there is no such route
      api('GET /api/nothing'),
      // @ts-expect-error a path parameter is missing
      api('DELETE /api/groups/{id}'),
      // @ts-expect-error there is no such filter
      api('GET /api/customers', { query: { named: '王' } }),
      // @ts-expect-error a field of the body is missing
      api('POST /api/blacklist', { body: { reason: '' } }),
      // @ts-expect-error what is paid for must not be paid twice
      api('POST /api/ai-wallet/transfer', { body: { direction: 'in', amount: 1 } }),
      // @ts-expect-error no browser fetches by posting
      href('POST /api/blacklist'),
    ]
    expect(wrong).toBeTypeOf('function')
  })
})
