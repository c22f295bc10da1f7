import type { Router } from 'vue-router'

const KEY = 'callcenter.reloaded'
/** A second miss within this time is no old page any more: the file is not there, and reloading would never end. */
const ONCE_MS = 60_000

/** Is one more reload of use? Notes that it was done. */
export function mayReload(now: number, kept: Pick<Storage, 'getItem' | 'setItem'>): boolean {
  if (now - Number(kept.getItem(KEY) ?? 0) < ONCE_MS) return false
  kept.setItem(KEY, String(now))
  return true
}

/**
 * A page that was opened before an update may ask for a chunk that is gone. It reloads itself, once, where the person
 * wanted to go; what was typed is in the drafts, and a call that talks is taken up again by the new page.
 */
export function reloadWhenChunksAreGone(router: Router): void {
  let wanted = ''
  router.beforeEach((to) => void (wanted = to.fullPath))
  router.afterEach(() => void (wanted = ''))
  window.addEventListener('vite:preloadError', () => {
    if (!mayReload(Date.now(), sessionStorage)) return
    if (wanted) location.assign(wanted)
    else location.reload()
  })
}
