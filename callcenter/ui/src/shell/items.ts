import { Activity, Headset, PhoneCall, Settings2, UsersRound } from 'lucide-vue-next'
import type { Component } from 'vue'
import { adminRoutes, mayOpen } from '@/router'

export interface Item {
  name: string
  label: string
  icon: Component
  to: string
}

/** The places this person may go, in the order of their day. */
export function places(): Item[] {
  const all: Item[] = [
    { name: 'live', label: 'shell.live', icon: Activity, to: '/dashboard' },
    { name: 'work', label: 'shell.work', icon: Headset, to: '/work' },
    { name: 'calls', label: 'shell.calls', icon: PhoneCall, to: '/calls' },
    { name: 'customers', label: 'shell.customers', icon: UsersRound, to: '/customers' },
  ]
  const open = all.filter((item) => mayOpen(item.name))
  if (adminRoutes.some(mayOpen)) open.push({ name: 'admin', label: 'shell.admin', icon: Settings2, to: '/admin' })
  return open
}
