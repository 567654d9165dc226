// The ids that answers had in them, newest of each kind, so that the next operation has something to work with.

export type Kind = 'lead' | 'claim' | 'notification' | 'delivery'

const KINDS: Record<string, Kind> = {
  lead: 'lead', leads: 'lead', claim: 'claim', claims: 'claim', viewerClaim: 'claim',
  notification: 'notification', notifications: 'notification', delivery: 'delivery', deliveries: 'delivery',
}
/** Between a connection and what it holds. */
const WAY = new Set(['nodes', 'edges', 'node'])

const seen = new Map<Kind, string>()

export const lastId = (kind: Kind) => seen.get(kind)

export function remember(answer: unknown) {
  const fresh = new Map<Kind, string>()
  const walk = (value: unknown, kind: Kind | undefined) => {
    if (Array.isArray(value)) return value.forEach(one => walk(one, kind))
    if (typeof value !== 'object' || value === null) return
    // Lists are newest first.
    if (kind && 'id' in value && typeof value.id === 'string' && !fresh.has(kind)) fresh.set(kind, value.id)
    for (const [key, inner] of Object.entries(value)) walk(inner, WAY.has(key) ? kind : KINDS[key])
  }
  walk(answer, undefined)
  for (const [kind, id] of fresh) seen.set(kind, id)
}
