import { get, post } from './http'
import type { Page } from './types'

export interface NoticeRow {
  id: number
  kind: string
  data: Record<string, unknown>
  at: string
  read_at: string | null
}

export const listNotices = async (): Promise<NoticeRow[]> => {
  const answer = await get<NoticeRow[] | Page<NoticeRow>>('/api/notices')
  return Array.isArray(answer) ? answer : answer.items
}
export const readNotices = (ids: number[]) => post<unknown>('/api/notices/read', { ids })
