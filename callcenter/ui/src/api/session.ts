import { get, post, put, remove } from './http'
import type { StateHistory } from './outcome'
import type { AgentState, DemoNumber, Device, Me, Minutes, NotReadyReason, SipCredentials } from './types'

export const signIn = (login: string, password: string) => post<Me>('/api/session', { login, password })
export const signOut = () => remove('/api/session')
/** Who is signed in, or null: a page asks this first, and nobody being there is no error. */
export const fetchSession = async () => (await get<{ me: Me | null }>('/api/session')).me
export const fetchMe = () => get<Me>('/api/me')
export const fetchMinutes = () => get<Minutes>('/api/me/minutes')
export const changePassword = (old_password: string, new_password: string) =>
  put<void>('/api/me/password', { old_password, new_password })
export const changeDevice = (device: Device) => put<Me>('/api/me/device', { device })
export const changeState = (state: 'ready' | 'not_ready' | 'logged_out', reason?: NotReadyReason) =>
  put<{ state: AgentState; reason: NotReadyReason | null; since: string }>('/api/me/state', {
    state,
    ...(reason ? { reason } : {}),
  })
/** More time for after-call work. */
export const extendWrapUp = (seconds: number) => post<{ wrap_up_ends_at: string | null }>('/api/me/wrap-up', { seconds })
export const fetchOwnStates = (from: string) => get<StateHistory>('/api/me/states', { from })
export const fetchStates = (id: number, from: string) => get<StateHistory>(`/api/employees/${id}/states`, { from })
/** A supervisor's word on an agent's state. */
export const forceState = (id: number, state: 'ready' | 'not_ready' | 'logged_out', reason?: NotReadyReason) =>
  post<{ state: AgentState }>(`/api/agents/${id}/state`, { state, ...(reason ? { reason } : {}) })
export const fetchCredentials = () => post<SipCredentials>('/api/softphone/credentials')
export const fetchDemoNumbers = () => get<DemoNumber[]>('/api/demo/numbers')
/** Somebody of the simulated network calls the company. */
export const letSomebodyCall = () => post<{ caller: string; number: string }>('/api/demo/calls')
