/** Codes of dial tasks that have words here. */
import type { TaskRule, TaskState } from '@/kit/api'

export const TASK_STATES: TaskState[] = ['normal', 'in_progress', 'finished']
export const SHARE_RULES: TaskRule[] = ['average_all', 'average_chosen', 'custom']
export const NOTES: readonly string[] = ['before_header', 'sheet_hidden', 'sheet_without_numbers', 'kept_in_remark', 'formulas_empty', 'no_rows']
export const ROW_REASONS: readonly string[] = ['empty', 'not_a_number', 'several', 'decimal', 'ambiguous', 'length', 'unknown', 'destination_closed', 'emergency_by_hand', 'own_number_by_hand', 'no_number', 'rounded', 'bad_characters', 'too_long']
/** Rows of a file that were not taken in. */
export const FAILED_KINDS = ['duplicate_system', 'duplicate_file', 'blacklist', 'format_error'] as const
