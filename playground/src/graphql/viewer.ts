// Who the API says you are.

import { useEffect, useSyncExternalStore } from 'react'

import { ask } from '../shared/http'
import { authorization, identityOf, useSession } from '../shared/session'

export type Viewer = {
  streamCursor: string
  id: string
  tokenExpiresAt: string
  user: { name: string; role: string }
  tenant: { name: string }
}
type State = { viewer: Viewer | null; problem: string | null }

const NOBODY: State = { viewer: null, problem: null }
let state = NOBODY
const listeners = new Set<() => void>()
function become(next: State) {
  state = next
  for (const listener of listeners) listener()
}
function listen(listener: () => void) {
  listeners.add(listener)
  return () => { listeners.delete(listener) }
}
export const useViewer = () => useSyncExternalStore(listen, () => state)

const QUERY = 'query WhoAmI { streamCursor viewer { id tokenExpiresAt user { name role } tenant { name } } }'

async function look(): Promise<State> {
  if (!await authorization()) return NOBODY
  const { data, errors } = await ask({ query: QUERY })
  const { streamCursor, viewer } = (data ?? {}) as { streamCursor?: string; viewer?: Omit<Viewer, 'streamCursor'> }
  return viewer && streamCursor
    ? { viewer: { ...viewer, streamCursor }, problem: null }
    : { viewer: null, problem: errors?.[0]?.message ?? 'The server does not say who this is.' }
}

/** Asks anew whenever somebody else is chosen. */
export function useLooking() {
  const identity = identityOf(useSession())
  useEffect(() => {
    let gone = false
    void look().then(next => { if (!gone) become(next) })
    return () => { gone = true }
  }, [identity])
}
