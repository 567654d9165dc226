// Operations over graphql-ws. One socket serves all of them, for as long as they are asked by the same user.

import type { ExecutionResult } from 'graphql'
import { type Client, createClient } from 'graphql-ws'
import { useSyncExternalStore } from 'react'

import { socket } from './address'
import type { Request } from './http'
import { authorization, canRenew, identity } from './session'

export type Status = 'idle' | 'connecting' | 'live'
/** How the protocol says that a token is not good, or not good any more. */
const FORBIDDEN = 4403

let status: Status = 'idle'
const listeners = new Set<() => void>()
function become(next: Status) {
  status = next
  for (const listener of listeners) listener()
}
function listen(listener: () => void) {
  listeners.add(listener)
  return () => { listeners.delete(listener) }
}
export const useStatus = () => useSyncExternalStore(listen, () => status)

const isClose = (error: unknown): error is CloseEvent =>
  typeof error === 'object' && error !== null && 'code' in error && 'reason' in error

function connect(headers: Record<string, string>): Client {
  const renewable = !headers.authorization && canRenew()
  let refusals = 0
  return createClient({
    url: socket(),
    // Asked again for each reconnect.
    connectionParams: async () => {
      const token = headers.authorization ?? await authorization(refusals > 0)
      return { ...headers, ...(token && { authorization: token }) }
    },
    shouldRetry: error => isClose(error) && (error.code !== FORBIDDEN || (renewable && refusals < 2)),
    on: {
      connecting: () => become('connecting'),
      connected: () => { refusals = 0; become('live') },
      closed: event => { refusals += isClose(event) && event.code === FORBIDDEN ? 1 : 0; become('idle') },
    },
  })
}

let current: { key: string; client: Client } | null = null

/** The socket of whoever asks: a new one when that is somebody else. */
function clientFor(headers: Record<string, string>): Client {
  const key = JSON.stringify([headers.authorization ? null : identity(), headers])
  if (current?.key !== key) {
    hangUp()
    current = { key, client: connect(headers) }
  }
  return current.client
}

/** Closes the socket; what runs on it has ended. */
export function hangUp() {
  void current?.client.dispose()
  current = null
}

function explain(error: unknown): ExecutionResult {
  if (Array.isArray(error)) return { errors: error }
  if (!isClose(error)) return { errors: [{ message: error instanceof Error ? error.message : String(error) } as never] }
  const { code, reason } = error
  const words = reason ? `The server closed the socket: ${reason}` : 'The socket could not be opened, or broke off.'
  const advice = code === FORBIDDEN ? ' Choose a user or give a good token, and run it again.' : ''
  return { errors: [{ message: `${words.replace(/[^.!?]$/, '$&.')}${advice}`, extensions: { closeCode: code, reason } } as never] }
}

type Observer = { next(result: ExecutionResult): void; complete(): void }

/** Subscribes, as whoever is chosen unless the headers (in lower case) say otherwise. */
export function subscribe(request: Request & { variables: Record<string, unknown> }, headers: Record<string, string>, observer: Observer) {
  const payload = { ...request, variables: { ...request.variables } }
  return clientFor(headers).subscribe<Record<string, { cursor?: string } | null>>(payload as never, {
    next(result) {
      // A reconnect sends the variables again: from the last event on, where the document has a place for it.
      const cursor = Object.values(result.data ?? {})[0]?.cursor
      if (cursor && /\$after\b/.test(request.query)) payload.variables.after = cursor
      observer.next(result as ExecutionResult)
    },
    error(error) {
      observer.next(explain(error))
      observer.complete()
    },
    complete: () => observer.complete(),
  })
}
