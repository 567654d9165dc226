// Something to begin with, for every stream, every mutation and the main queries. tests/browser validates all of them against
// schema.graphql, so this is plain JavaScript.

import { mutations } from './mutations.js'
import { queries } from './queries.js'
import { streams } from './streams.js'

/**
 * @typedef {'ADMIN' | 'CUSTOMER' | 'PROVIDER'} Role
 * @typedef {object} Starter
 * @property {Role[]} as who has something of it
 * @property {string} about a line on what it does
 * @property {string} text the document, with one named operation
 * @property {Record<string, unknown>} [variables] with places (`<lead>`) that are filled when it is opened
 */

/** @type {{ title: string, starters: Starter[] }[]} */
export const groups = [
  { title: 'Streams', starters: streams },
  { title: 'Queries', starters: queries },
  { title: 'Mutations', starters: mutations },
]

/** @param {Starter} starter */
export const nameOf = starter => /^(?:query|mutation|subscription) (\w+)/m.exec(starter.text)?.[1] ?? ''

/**
 * The variables with their places filled. What there is nothing for keeps its place, which says what belongs there.
 * @param {Starter} starter
 * @param {(place: string) => string | undefined} fill
 */
export function variablesOf(starter, fill) {
  /** @param {string} _key @param {unknown} value */
  const filled = (_key, value) => typeof value === 'string' ? fill(/^<(\w+)>$/.exec(value)?.[1] ?? '') ?? value : value
  return starter.variables ? JSON.stringify(starter.variables, filled, 2) : ''
}
