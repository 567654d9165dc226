// Whether GraphiQL has got the schema, and if not, why.

import { useSyncExternalStore } from 'react'

/** Any other text is the server's reason. */
export type Schema = 'awaited' | 'known' | 'wants a token' | (string & {})

let schema: Schema = 'awaited'
const listeners = new Set<() => void>()

export function schemaIs(next: Schema) {
  schema = next
  for (const listener of listeners) listener()
}

function listen(listener: () => void) {
  listeners.add(listener)
  return () => { listeners.delete(listener) }
}

export const useSchema = () => useSyncExternalStore(listen, () => schema)
