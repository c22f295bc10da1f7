import { useI18n } from 'vue-i18n'
import type { LiveAgent } from '@/kit/api'

/** Words for codes that the server may add to: an unknown code is shown as it is, never as a key. */
export function useWords() {
  const { t, te } = useI18n()
  const word = (area: string, code: string) => (te(`${area}.${code}`) ? t(`${area}.${code}`) : code)
  const agentWord = (agent: Pick<LiveAgent, 'state' | 'reason'>) =>
    agent.state === 'not_ready' && agent.reason ? word('reason', agent.reason) : t(`agentState.${agent.state}`)
  return { word, agentWord }
}
