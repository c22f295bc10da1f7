import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { useSession } from './stores/session'

declare module 'vue-router' {
  interface RouteMeta {
    public?: boolean
    /** For whoever has the link, signed in or not. */
    anybody?: boolean
    needs?: string
  }
}

const routes: RouteRecordRaw[] = [
  { path: '/login', name: 'login', component: () => import('./pages/LoginPage.vue'), meta: { public: true } },
  { path: '/verify', name: 'verify', component: () => import('./pages/VerifyPage.vue'), meta: { public: true, anybody: true } },
  {
    path: '/work/:customerId(\\d+)?',
    name: 'work',
    component: () => import('./agent/AgentHome.vue'),
    meta: { needs: 'calls.dial' },
  },
  { path: '/dial', name: 'dial', component: () => import('./tasks/DialCentre.vue'), meta: { needs: 'tasks.dial' } },
  { path: '/dial/tasks/:taskId(\\d+)?', name: 'dial-tasks', component: () => import('./tasks/TasksPage.vue'), meta: { needs: 'tasks.own' } },
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
      { path: 'packages', redirect: { name: 'packages' } },
      { path: 'blacklist', name: 'blacklist', component: () => import('./admin/BlacklistPage.vue'), meta: { needs: 'numbers.edit' } },
      { path: 'settings', name: 'settings', component: () => import('./admin/SettingsPage.vue'), meta: { needs: 'settings.edit' } },
      { path: 'audit', name: 'audit', component: () => import('./admin/AuditPage.vue'), meta: { needs: 'audit.view' } },
    ],
  },
  {
    path: '/billing',
    name: 'billing',
    component: () => import('./billing/BillingFrame.vue'),
    children: [
      { path: 'packages', name: 'packages', component: () => import('./billing/PackagesPage.vue'), meta: { needs: 'packages.view' } },
      { path: 'shop', name: 'shop', component: () => import('./billing/ShopPage.vue'), meta: { needs: 'wallet.view' } },
      { path: 'orders', name: 'orders', component: () => import('./billing/OrdersPage.vue'), meta: { needs: 'wallet.view' } },
      { path: 'consumption', name: 'consumption', component: () => import('./billing/ConsumptionPage.vue'), meta: { needs: 'packages.view' } },
      { path: 'reconciliation', name: 'reconciliation', component: () => import('./billing/ReconciliationPage.vue'), meta: { needs: 'wallet.view' } },
      { path: 'wallet', name: 'wallet', component: () => import('./billing/WalletPage.vue'), meta: { needs: 'wallet.view' } },
      { path: 'recharges', name: 'recharges', component: () => import('./billing/RechargesPage.vue'), meta: { needs: 'wallet.view' } },
      { path: 'licences', name: 'licences', component: () => import('./billing/LicencesPage.vue'), meta: { needs: 'wallet.view' } },
      { path: 'direct-numbers', name: 'direct-numbers', component: () => import('./billing/DirectNumbersPage.vue'), meta: { needs: 'wallet.view' } },
      { path: 'points', name: 'points', component: () => import('./billing/PointsPage.vue'), meta: { needs: 'wallet.view' } },
      { path: 'ai-wallet', name: 'ai-wallet', component: () => import('./billing/AiWalletPage.vue'), meta: { needs: 'wallet.view' } },
      { path: 'invoices', name: 'invoices', component: () => import('./billing/InvoicesPage.vue'), meta: { needs: 'wallet.view' } },
    ],
  },
  {
    path: '/platform',
    name: 'platform',
    component: () => import('./platform/PlatformFrame.vue'),
    children: [
      { path: 'companies', name: 'companies', component: () => import('./platform/CompaniesPage.vue'), meta: { needs: 'platform.manage' } },
      { path: 'recharges', name: 'recharge-reviews', component: () => import('./platform/RechargeReviewPage.vue'), meta: { needs: 'platform.manage' } },
      { path: 'payments', name: 'stray-payments', component: () => import('./platform/StrayPaymentsPage.vue'), meta: { needs: 'platform.manage' } },
      { path: 'invoices', name: 'invoice-answers', component: () => import('./platform/InvoiceAnswersPage.vue'), meta: { needs: 'platform.manage' } },
      { path: 'numbers', name: 'number-supply', component: () => import('./platform/NumberSupplyPage.vue'), meta: { needs: 'platform.manage' } },
      { path: 'offerings', name: 'offerings', component: () => import('./platform/OfferingsPage.vue'), meta: { needs: 'platform.manage' } },
      { path: 'coupons', name: 'coupons', component: () => import('./platform/CouponsPage.vue'), meta: { needs: 'platform.manage' } },
      { path: 'prices', name: 'prices', component: () => import('./platform/PricesPage.vue'), meta: { needs: 'platform.manage' } },
    ],
  },
  { path: '/:rest(.*)*', name: 'nowhere', component: () => import('./pages/NowherePage.vue') },
]

/** A heading of a side menu and the pages under it. */
export interface SideGroup {
  title: string
  pages: string[]
}

export const adminGroups: SideGroup[] = [
  { title: 'shell.groups.people', pages: ['employees', 'departments', 'settings', 'audit'] },
  { title: 'shell.groups.calling', pages: ['seats', 'groups', 'hours', 'prompts', 'blacklist'] },
]
export const billingGroups: SideGroup[] = [
  { title: 'shell.groups.packages', pages: ['packages', 'shop', 'orders', 'consumption', 'reconciliation'] },
  { title: 'shell.groups.money', pages: ['wallet', 'recharges', 'licences', 'direct-numbers', 'points', 'ai-wallet', 'invoices'] },
]
export const platformGroups: SideGroup[] = [
  { title: 'shell.platform', pages: ['companies', 'recharge-reviews', 'stray-payments', 'invoice-answers', 'number-supply', 'offerings', 'coupons', 'prices'] },
]
const pagesOf = (groups: SideGroup[]) => groups.flatMap((group) => group.pages)
/** Every place with a side menu: its path, and its pages in order. */
export const sections: Record<'billing' | 'platform' | 'admin', string[]> = {
  billing: pagesOf(billingGroups),
  platform: pagesOf(platformGroups),
  admin: pagesOf(adminGroups),
}
const sidePages = Object.values(sections).flat()
export const isSidePage = (name: string) => sidePages.includes(name)

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
  return [...order, 'calls', 'customers', ...sidePages].find(mayOpen) ?? 'nowhere'
}

router.beforeEach(async (to) => {
  if (to.meta.anybody) return true
  const session = useSession()
  try {
    await session.restore()
  } catch {
    return to.name === 'login' ? true : { name: 'login', query: { next: to.fullPath } }
  }
  if (to.meta.public) return session.me ? { name: homeOf() } : true
  if (!session.me) return { name: 'login', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  if (to.path === '/') return { name: homeOf() }
  const section = to.path.slice(1)
  if (section in sections) return { name: sections[section as keyof typeof sections].find(mayOpen) ?? homeOf() }
  if (to.meta.needs && !session.may(to.meta.needs)) return { name: homeOf() }
  return true
})
