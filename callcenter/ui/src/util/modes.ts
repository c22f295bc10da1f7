import type { Mode } from '@/kit/api'

/** The ways in which a call is set up, as they are chosen from. */
export const CALL_MODES: Mode[] = ['direct', 'callback', 'point', 'call_through']
