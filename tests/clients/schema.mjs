// The schema as graphql-js has it, with scalars that take what leadcast's take (schema.graphql says what).

import { readFileSync } from 'node:fs'

import { GraphQLError, Kind, buildSchema, valueFromASTUntyped } from 'graphql'

const whole = value => typeof value === 'number' && Number.isInteger(value)
const text = value => typeof value === 'string'
const moment = value => text(value) && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value) && !Number.isNaN(Date.parse(value))
const finite = value => typeof value === 'object' && value !== null
  ? Object.values(value).every(finite)
  : typeof value !== 'number' || Number.isFinite(value)
/** A kind, an epoch, a tenant and an id that is not negative. */
const place = value => {
  if (!text(value) || !/^[\w-]*$/.test(value)) return false
  const bytes = Buffer.from(value, 'base64url')
  return bytes.length === 41 && bytes[0] === 'e'.charCodeAt(0) && bytes[33] < 128 && bytes.toString('base64url') === value
}

const scalars = { Amount: whole, Credits: whole, SignedCredits: whole, DateTime: moment, Cursor: place, PageCursor: text, JSON: finite }

export const sdl = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8')

export const schema = buildSchema(sdl)

for (const [name, fits] of Object.entries(scalars)) {
  const taken = value => {
    if (!fits(value)) throw new GraphQLError(`this is no ${name}`)
    return value
  }
  const scalar = schema.getType(name)
  scalar.parseValue = taken
  // An enum's value is a word to JSON, and no text to any other.
  scalar.parseLiteral = (node, variables) => {
    if (node.kind === Kind.ENUM && name !== 'JSON') throw new GraphQLError(`this is no ${name}`)
    return taken(valueFromASTUntyped(node, variables))
  }
}

const own = Object.values(schema.getTypeMap()).filter(type => type.constructor.name === 'GraphQLScalarType').map(type => type.name)
const unknown = own.filter(name => !(name in scalars) && !['Int', 'Float', 'String', 'Boolean', 'ID'].includes(name))
if (unknown.length) throw new Error(`what may a ${unknown} be?`)
