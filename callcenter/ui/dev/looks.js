// A function for a page: what is wrong with its layout, a sentence each.
() => {
  const faults = []
  const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getBoundingClientRect().width > 0
  const named = (one) => {
    const words = one.innerText?.trim().replace(/\s+/g, ' ').slice(0, 40)
    const where = one.dataset.testid ? `[data-testid=${one.dataset.testid}]` : `${one.localName}.${[...one.classList].join('.')}`
    return words ? `${where} "${words}"` : where
  }
  // A row that is meant to be pushed sideways hides its scroll bar.
  const sideways = (one) => {
    for (let box = one; box; box = box.parentElement) if (getComputedStyle(box).scrollbarWidth === 'none') return true
    return false
  }
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`the page is ${document.documentElement.scrollWidth} px wide`)
  for (const one of document.querySelectorAll('body *')) {
    const flow = getComputedStyle(one).overflowX
    if ((flow === 'auto' || flow === 'scroll') && one.scrollWidth > one.clientWidth + 1 && seen(one) && !sideways(one))
      faults.push(`${named(one)} scrolls sideways: ${one.scrollWidth} in ${one.clientWidth} px`)
  }
  for (const one of document.querySelectorAll('button, [role=tab], .el-radio-button__inner')) {
    if (!seen(one) || !one.innerText.trim()) continue
    if (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 2)
      faults.push(`${named(one)} is cut: ${one.scrollWidth}x${one.scrollHeight} in ${one.clientWidth}x${one.clientHeight} px`)
    const box = one.getBoundingClientRect()
    if ((box.right > innerWidth + 1 || box.left < -1) && !sideways(one))
      faults.push(`${named(one)} sticks out of the window: ${Math.round(box.left)} to ${Math.round(box.right)}`)
  }
  const apart = (one, other) => one.right < other.left + 2 || other.right < one.left + 2 || one.bottom < other.top + 2 || other.bottom < one.top + 2
  for (const row of document.querySelectorAll('nav, footer, [role=tablist], .el-radio-group')) {
    const pressed = [...row.querySelectorAll('a, button, .el-radio-button__inner, [role=tab]')].filter(seen)
    pressed.forEach((one, at) => {
      const under = pressed.slice(at + 1).find((other) => !one.contains(other) && !apart(one.getBoundingClientRect(), other.getBoundingClientRect()))
      if (under) faults.push(`${named(one)} lies on ${named(under)}`)
    })
  }
  for (const one of document.querySelectorAll('input, textarea')) {
    const box = one.getBoundingClientRect()
    if (seen(one) && box.width > 1 && box.right > innerWidth + 1 && !sideways(one)) faults.push(`${named(one)} sticks out of the window`)
  }
  return faults
}
