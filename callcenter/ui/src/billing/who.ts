import type { Ref } from '@/kit/api'

/** A person the server names with or without an id. */
export const who = (person: Ref | string | null | undefined) => (typeof person === 'string' ? person : person?.name) || '—'
