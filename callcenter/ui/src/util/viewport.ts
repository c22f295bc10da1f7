import { ref } from 'vue'

const query = window.matchMedia('(max-width: 820px)')

/** True on a phone-sized screen; one listener for the whole app. */
export const narrow = ref(query.matches)
query.addEventListener('change', (event) => (narrow.value = event.matches))
