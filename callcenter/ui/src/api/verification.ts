/** Real names: the code that an administrator shows, what its holder does with it, and the operator's word. */
import { get, post } from './http'

export interface VerificationCode {
  /** What the QR code says; told this once. */
  link: string
  expires_at: string
  simulated: boolean
}

export interface VerificationState {
  state: 'waiting' | 'opened' | 'refused' | 'verified' | 'over' | null
  /** The error code of the last check. */
  problem: string
  expires_at: string | null
  name: string
  verification: 'unverified' | 'verified'
}

export interface Invitation {
  company: string
  name: string
  expires_at: string
  simulated: boolean
  mismatched_name: string
}

export interface RealName {
  name: string
  identity_number: string
  agreed: boolean
}

export const showVerificationCode = (id: number) => post<VerificationCode>(`/api/employees/${id}/verification-code`)
export const fetchVerification = (id: number) => get<VerificationState>(`/api/employees/${id}/verification-code`)
export const openVerification = (token: string) => post<Invitation>('/api/verification', { token })
export const checkRealName = (token: string, given: RealName) => post<{ name: string }>('/api/verification/check', { token, ...given })
export const vouchFor = (id: number) => post<void>(`/api/platform/employees/${id}/verify`)
