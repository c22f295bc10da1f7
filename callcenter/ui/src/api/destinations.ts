import { get, put } from './http'

export interface DestinationChange {
  countries: string[]
  calls_per_day: number
  calls_per_number: number
  forwarded_at_once: number
}
export interface Destinations extends DestinationChange {
  home: string
  premium: boolean
  satellite: boolean
  dialled_today: number
  forwarded_today: number
  known: { code: string; calling_code: number }[]
}

export const fetchDestinations = () => get<Destinations>('/api/settings/destinations')
export const saveDestinations = (change: DestinationChange) => put<Destinations>('/api/settings/destinations', change)
