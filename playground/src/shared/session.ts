// Who asks: one of dev mode's users, whose tokens the server hands out, or whoever a pasted token is of. Each window of the
// browser has its own, so that two beside each other can be two people; a new window begins as the last one that was chosen.

import { useSyncExternalStore } from 'react'

import { address } from './address'
import { claimsOf } from './token'

/** As `/dev/tokens` has it. */
export type DevToken = { tenant: string; user: string; role: string; token: string }

export type State = {
  /** Whether it is known if the server hands out tokens. */
  ready: boolean
  /** Those of dev mode; empty where there are none. */
  tokens: DevToken[]
  /** `tenant/user`, one of them. */
  chosen: string | null
  /** Instead of them. */
  pasted: string
  /** Why there are no tokens, where that is worth a word. */
  problem: string | null
}

const CHOSEN = 'leadcast.chosen'
const PASTED = 'leadcast.pasted'
/** A token is replaced so long before its end. */
const MARGIN_MS = 30_000

export const nameOf = ({ tenant, user }: DevToken) => `${tenant}/${user}`

let state: State = { ready: false, tokens: [], chosen: null, pasted: '', problem: null }
const listeners = new Set<() => void>()

function change(part: Partial<State>) {
  state = { ...state, ...part }
  for (const listener of listeners) listener()
}

/** What is stored is a convenience: a browser that stores nothing is served all the same. */
function stored<T>(work: () => T): T | null {
  try {
    return work()
  } catch {
    return null
  }
}

async function load() {
  try {
    const answer = await fetch(address('dev/tokens'), { headers: { accept: 'application/json' } })
    if (answer.ok) return change({ tokens: await answer.json() as DevToken[], problem: null })
    // In production there is no such address, and nothing to say about it.
    const problem = answer.status === 404 ? null : (await answer.json()).errors?.[0]?.message ?? `${answer.status}`
    change({ tokens: [], problem })
  } catch (error) {
    change({ problem: `The server does not answer: ${error instanceof Error ? error.message : error}` })
  }
}

let loading: Promise<void> | null = null
const renew = () => loading ??= load().finally(() => { loading = null })

/** Finds out whether the server is in dev mode, and takes up the last choice. */
export async function begin() {
  await renew()
  const last = stored(() => sessionStorage.getItem(CHOSEN) ?? localStorage.getItem(CHOSEN))
  const known = state.tokens.find(token => nameOf(token) === last) ?? state.tokens[0]
  change({ ready: true, chosen: known ? nameOf(known) : null, pasted: stored(() => sessionStorage.getItem(PASTED)) ?? '' })
}

export function choose(name: string) {
  stored(() => { sessionStorage.setItem(CHOSEN, name); localStorage.setItem(CHOSEN, name) })
  change({ chosen: name })
}

/** A pasted token is kept for as long as its window is open. */
export function paste(text: string) {
  const pasted = text.trim().replace(/^Bearer\s+/i, '')
  stored(() => sessionStorage.setItem(PASTED, pasted))
  change({ pasted })
}

const tokenOf = ({ tokens, chosen, pasted }: State) =>
  tokens.length ? tokens.find(token => nameOf(token) === chosen)?.token : pasted || undefined

/** Whether the server would give another token for one that it refuses. */
export const canRenew = () => state.tokens.length > 0

/** What goes into the header: of dev mode's tokens one that is still good, also when the server refused the last. */
export async function authorization(refused = false): Promise<string | undefined> {
  if (canRenew()) {
    const ends = claimsOf(tokenOf(state))?.exp
    if (refused || (ends && ends * 1000 < Date.now() + MARGIN_MS)) await renew()
  }
  const token = tokenOf(state)
  return token && `Bearer ${token}`
}

/** Another one for another user or another pasted token, the same one for a user's next token. */
export const identityOf = ({ tokens, chosen, pasted }: State) => tokens.length ? `dev ${chosen}` : `token ${pasted}`
export const identity = () => identityOf(state)

function subscribe(listener: () => void) {
  listeners.add(listener)
  return () => { listeners.delete(listener) }
}

export const useSession = () => useSyncExternalStore(subscribe, () => state)
