import type { Named } from '@/kit/api'

/** A person's name; "—" for whom the server does not know. */
export const who = (person: Named | null) => person?.name || '—'
