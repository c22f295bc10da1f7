import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { i18n, restoreLanguage } from './i18n'
import { router } from './router'
import { reloadWhenChunksAreGone } from './shell/freshness'
import './styles/tokens.css'
import './styles/base.css'
import './styles/element.css'

reloadWhenChunksAreGone(router)
await restoreLanguage()
createApp(App).use(createPinia()).use(i18n).use(router).mount('#app')
