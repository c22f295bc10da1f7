/** Gives every field in a box that says no name of its own this one: the name itself, or the id of the words that are it. */
export function nameFields(box: Element | null | undefined, name: { label: string } | { id: string }): void {
  for (const field of box?.querySelectorAll('input, textarea') ?? []) {
    if (field.hasAttribute('aria-label')) continue
    if ('id' in name) field.setAttribute('aria-labelledby', name.id)
    else field.setAttribute('aria-label', name.label)
  }
}
