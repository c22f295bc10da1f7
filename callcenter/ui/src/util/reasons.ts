/** Why somebody is not ready, as it may be chosen; the server has a few reasons of its own. */
export const NOT_READY_REASONS = ['break', 'meal', 'meeting', 'training', 'other'] as const
