import { Activity, Building2, Headset, ListChecks, PhoneCall, Settings2, UsersRound, Wallet } from 'lucide-vue-next'
import type { Component } from 'vue'
import { mayOpen, sections } from '@/router'

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
    mayOpen('dial')
      ? { name: 'dial', label: 'shell.dial', icon: ListChecks, to: '/dial' }
      : { name: 'dial-tasks', label: 'shell.tasks', icon: ListChecks, to: '/dial/tasks' },
    { name: 'calls', label: 'shell.calls', icon: PhoneCall, to: '/calls' },
    { name: 'customers', label: 'shell.customers', icon: UsersRound, to: '/customers' },
  ]
  const open = all.filter((item) => mayOpen(item.name))
  if (sections.billing.some(mayOpen)) open.push({ name: 'billing', label: 'shell.billing', icon: Wallet, to: '/billing' })
  if (sections.platform.some(mayOpen)) open.push({ name: 'platform', label: 'shell.platform', icon: Building2, to: '/platform' })
  if (sections.admin.some(mayOpen)) open.push({ name: 'admin', label: 'shell.admin', icon: Settings2, to: '/admin' })
  return open
}
