/** The company's money: the wallet, recharges, licences, points, and the AI wallet. Money is in fen. */
import { formOf, get, post, withQuery, type Query } from './http'
import type { Page, Ref } from './types'

export interface Wallet {
  balance: number
  frozen: number
  ai_balance: number
  points: number
  blocked: boolean
  licences: { total: number | null; used: number }
  ai_seats: { valid: number; used: number }
  valid_until: string | null
}

export interface WalletEntry {
  id: number
  at: string
  kind: string
  amount: number
  balance_after: number
  account: 'wallet' | 'frozen' | 'ai_wallet'
  note: string
  reference: { type: string; id: number; number: string } | null
  actor: Ref | null
}

export const fetchWallet = () => get<Wallet>('/api/wallet')
export const listWalletEntries = (query: Query, signal?: AbortSignal) => get<Page<WalletEntry>>('/api/wallet/entries', query, signal)
export const walletEntriesUrl = (query: Query) => withQuery('/api/wallet/entries/export', query)

export type RechargeState = 'pending' | 'approved' | 'rejected' | 'void'
export type PayChannel = 'alipay' | 'wechat'

export interface Recharge {
  id: number
  number: string
  channel: 'offline' | PayChannel | 'bank'
  amount: number
  state: RechargeState
  remark: string
  proof: boolean
  reject_reason: string
  created_at: string
  reviewed_at: string | null
  applicant: Ref | string | null
  invoiced: boolean
  pay_code: string | null
  code_expires_at: string | null
}

export const listRecharges = (query: Query, signal?: AbortSignal) =>
  get<Page<Recharge> & { total_approved: number }>('/api/recharges', query, signal)
export const fetchRecharge = (id: number) => get<Recharge>(`/api/recharges/${id}`)
export const proofUrl = (id: number) => `/api/recharges/${id}/proof`
export interface Transfer {
  channel: 'offline' | 'bank'
  amount: number
  remark: string
  proof: File
}
export const rechargeByTransfer = (transfer: Transfer, key: Record<string, string>) => post<Recharge>('/api/recharges', formOf({ ...transfer }), key)

/** Where bank transfers go; empty while the platform takes none. */
export interface BankAccount {
  payee: string
  bank: string
  account: string
}
export const fetchBankAccount = () => get<BankAccount>('/api/bank-account')
export const rechargeOnline = (channel: PayChannel, amount: number, key: Record<string, string>) =>
  post<Recharge>('/api/recharges/online', { channel, amount }, key)
/** The code belongs to the labelled simulator; no money moves. */
export const isSimulated = (recharge: Recharge) => recharge.pay_code?.startsWith('SIMULATED') ?? false
/** The labelled simulator of a payment provider: says that the code was paid. */
export const simulatePayment = (code: string) => post<{ state: string }>(`/api/payments/simulator/${encodeURIComponent(code)}`)

export type LicenceKind = 'employee' | 'search' | 'ai'

export interface LicencePurchase {
  id: number
  kind: LicenceKind
  quantity: number
  before: number
  after: number
  unit_price: number
  paid: number
  valid_until: string | null
  buyer: Ref | string | null
  created_at: string
}

export interface LicenceWish {
  kind: LicenceKind
  quantity: number
  standard: number | null
}

export interface LicenceQuote {
  unit_price: number
  days: number | null
  paid: number
  before: number
  after: number
  balance: number
  enough: boolean
  explanation: string | { zh: string; en: string }
}

/** List prices that stand in a button before something is bought. */
export interface ListPrices {
  number_month: number
  search_first: { accounts: number; price_year: number }[]
}
export const fetchListPrices = () => get<ListPrices>('/api/prices')
export const listLicences = (query: Query, signal?: AbortSignal) => get<Page<LicencePurchase>>('/api/licences', query, signal)
export const quoteLicences = (wish: LicenceWish) => post<LicenceQuote>('/api/licences/quote', wish)
export const buyLicences = (wish: LicenceWish, expected_paid: number, key: Record<string, string>) =>
  post<LicencePurchase>('/api/licences', { ...wish, expected_paid }, key)

export interface PointPack {
  code: string
  name: string
  price: number
  points: number
  gift: number
}

export interface PointsOrder {
  number: string
  created_at: string
  name: string
  unit_price: number
  quantity: number
  paid: number
  state: string
  before: number
  after: number
  buyer: Ref | string | null
}

export interface Points {
  points: number
  packs: PointPack[]
  orders: Page<PointsOrder>
  total_paid: number
}

export const pointsUrl = '/api/points/export'
export const fetchPoints = (query: Query, signal?: AbortSignal) => get<Points>('/api/points', query, signal)
export const buyPoints = (pack: string, quantity: number, expected_paid: number, key: Record<string, string>) =>
  post<PointsOrder>('/api/points/orders', { pack, quantity, expected_paid }, key)

export interface AiEntry {
  id: number
  number: string
  kind: 'in' | 'out' | 'call'
  amount: number
  unit_price: number | null
  duration_seconds: number | null
  call_id: string | null
  at: string
  actor: Ref | null
}

export const transferAi = (direction: 'in' | 'out', amount: number, key: Record<string, string>) =>
  post<unknown>('/api/ai-wallet/transfer', { direction, amount }, key)
export const listAiEntries = (query: Query, signal?: AbortSignal) => get<Page<AiEntry> & { total_charged: number }>('/api/ai-wallet/entries', query, signal)
