import type { TaskState } from '@/kit/api'

const RESULT_TONE: Record<string, string> = {
  connected_interested: 'good',
  connected_follow_up: 'busy',
  connected_refused: '',
  wrong_number: 'warn',
}
export const resultTone = (result: string) => RESULT_TONE[result] ?? ''

export const STATE_TONE: Record<TaskState, string> = { normal: '', in_progress: 'good', finished: 'accent' }
