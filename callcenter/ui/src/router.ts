import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { useSession } from './stores/session'

declare module 'vue-router' {
  interface RouteMeta {
    public?: boolean
    needs?: string
  }
}

const routes: RouteRecordRaw[] = [
  { path: '/login', name: 'login', component: () => import('./pages/LoginPage.vue'), meta: { public: true } },
  {
    path: '/work/:customerId(\\d+)?',
    name: 'work',
    component: () => import('./agent/AgentHome.vue'),
    meta: { needs: 'calls.dial' },
  },
  { path: '/calls', name: 'calls', component: () => import('./pages/CallsPage.vue'), meta: { needs: 'calls.view' } },
  {
    path: '/customers/:customerId(\\d+)?',
    name: 'customers',
    component: () => import('./pages/CustomersPage.vue'),
    meta: { needs: 'customers.view' },
  },
  { path: '/dashboard', name: 'live', component: () => import('./pages/LivePage.vue'), meta: { needs: 'live.view' } },
  {
    path: '/admin',
    name: 'admin',
    component: () => import('./admin/AdminFrame.vue'),
    children: [
      { path: 'employees', name: 'employees', component: () => import('./admin/EmployeesPage.vue'), meta: { needs: 'employees.view' } },
      { path: 'seats', name: 'seats', component: () => import('./admin/SeatsPage.vue'), meta: { needs: 'numbers.edit' } },
      { path: 'departments', name: 'departments', component: () => import('./admin/DepartmentsPage.vue'), meta: { needs: 'departments.edit' } },
      { path: 'groups', name: 'groups', component: () => import('./admin/GroupsPage.vue'), meta: { needs: 'numbers.edit' } },
      { path: 'hours', name: 'hours', component: () => import('./admin/HoursPage.vue'), meta: { needs: 'numbers.edit' } },
      { path: 'prompts', name: 'prompts', component: () => import('./admin/PromptsPage.vue'), meta: { needs: 'numbers.edit' } },
      { path: 'packages', name: 'packages', component: () => import('./admin/PackagesPage.vue'), meta: { needs: 'packages.view' } },
      { path: 'blacklist', name: 'blacklist', component: () => import('./admin/BlacklistPage.vue'), meta: { needs: 'numbers.edit' } },
      { path: 'settings', name: 'settings', component: () => import('./admin/SettingsPage.vue'), meta: { needs: 'settings.edit' } },
      { path: 'audit', name: 'audit', component: () => import('./admin/AuditPage.vue'), meta: { needs: 'audit.view' } },
    ],
  },
  { path: '/:rest(.*)*', name: 'nowhere', component: () => import('./pages/NowherePage.vue') },
]

export const adminRoutes = ['employees', 'departments', 'seats', 'groups', 'hours', 'prompts', 'packages', 'blacklist', 'settings', 'audit'] as const

export const router = createRouter({ history: createWebHistory(), routes })

const needs = new Map(
  routes.flatMap((route) => [route, ...(route.children ?? [])]).map((route) => [route.name as string, route.meta?.needs]),
)

/** May this person open the page? Used by the guard and by every menu. */
export function mayOpen(name: string): boolean {
  const needed = needs.get(name)
  return needed === undefined || useSession().may(needed)
}

/** The first page of this person's day. */
export function homeOf(): string {
  const session = useSession()
  const order = session.may('live.view') ? ['live', 'work'] : ['work']
  return [...order, 'calls', 'customers', ...adminRoutes].find(mayOpen) ?? 'nowhere'
}

router.beforeEach(async (to) => {
  const session = useSession()
  try {
    await session.restore()
  } catch {
    return to.name === 'login' ? true : { name: 'login', query: { next: to.fullPath } }
  }
  if (to.meta.public) return session.me ? { name: homeOf() } : true
  if (!session.me) return { name: 'login', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  if (to.path === '/') return { name: homeOf() }
  if (to.path === '/admin') return { name: adminRoutes.find(mayOpen) ?? homeOf() }
  if (to.meta.needs && !session.may(to.meta.needs)) return { name: homeOf() }
  return true
})
