// Documents made from the schema, the same ones for the same seed. Nearly all are valid.

import {
  getNamedType, getNullableType, isAbstractType, isEnumType, isInputObjectType, isLeafType, isListType, isNonNullType, isRequiredArgument,
} from 'graphql'

/** mulberry32 */
export class Random {
  constructor(seed) { this.state = seed }

  next() {
    let t = (this.state += 0x6d2b79f5)
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  below(n) { return Math.floor(this.next() * n) }
  maybe(chance) { return this.next() < chance }
  of(list) { return list[this.below(list.length)] }
}

/** As a literal; what is an enum's value is in `Word`s. */
export class Word {
  constructor(name) { this.name = name }
  toJSON() { return this.name }
}
/** Text that is put into the document as it is. */
export class Raw {
  constructor(text) { this.text = text }
}

export const print = value => {
  if (value instanceof Word) return value.name
  if (value instanceof Raw) return value.text
  if (Array.isArray(value)) return `[${value.map(print).join(', ')}]`
  if (typeof value === 'object' && value) return `{${Object.entries(value).map(([name, field]) => `${name}: ${print(field)}`).join(', ')}}`
  return JSON.stringify(value)
}

const texts = ['', 'x', 'Zwölf Leads', '😀', 'a "quoted" \\ text', 'line\nbreak', '{ } # @ $', 'null', '1']
const cursor = random => {
  const bytes = Buffer.from(Array.from({ length: 41 }, () => random.below(256)))
  bytes[0] = 'e'.charCodeAt(0)
  bytes[33] &= 127
  return bytes.toString('base64url')
}

const leaf = {
  Int: random => random.of([0, 1, 2, 3, -1, 7, 2147483647, -2147483648]),
  String: random => random.of(texts),
  ID: random => random.of(['nobody', 'x', '', 7, '0190a5a0-0000-7000-8000-000000000000']),
  Boolean: random => random.maybe(0.5),
  Amount: random => random.of([0, 1, 99, 1e15]),
  Credits: random => random.of([0, 1, 99]),
  SignedCredits: random => random.of([0, -1, 99]),
  DateTime: random => random.of(['2026-11-20T09:00:00Z', '2027-01-01T00:00:00.123456+02:00']),
  Cursor: cursor,
  PageCursor: random => random.of(['x', 'W10']),
  JSON: random => random.of([null, 1, 'x', [1, { a: 'b' }], { rooms: 2, more: [true] }]),
}

/** A value that fits. */
export function value(random, type, depth = 0) {
  if (isNonNullType(type)) {
    const found = value(random, type.ofType, depth)
    return found === null ? value(random, type, depth) : found
  }
  if (random.maybe(0.08)) return null
  if (isListType(type)) {
    if (random.maybe(0.15)) return value(random, type.ofType, depth + 1)
    return Array.from({ length: random.below(3) }, () => value(random, type.ofType, depth + 1))
  }
  if (isEnumType(type)) return new Word(random.of(type.getValues()).name)
  if (!isInputObjectType(type)) return leaf[type.name](random)
  const fields = Object.values(type.getFields())
  if (type.isOneOf) {
    const field = random.of(fields)
    const given = value(random, field.type, depth + 1)
    return given === null ? value(random, type, depth) : { [field.name]: given }
  }
  const given = fields.filter(field => isRequiredArgument(field) || random.maybe(depth > 2 ? 0.05 : 0.3))
  return Object.fromEntries(given.map(field => [field.name, value(random, field.type, depth + 1)]))
}

/** One document: `{ query, variables, operationName }`. */
export class Maker {
  constructor(random, schema) {
    Object.assign(this, { random, schema, named: 0, variables: [], fragments: [], values: {} })
  }

  document() {
    const { random } = this
    const kind = random.of(['query', 'query', 'query', 'mutation', 'subscription'])
    const root = this.schema.getRootType(kind)
    const selections = kind === 'subscription' ? `{ ${this.field(root, random.of(Object.values(root.getFields())), 2)} }` : this.selections(root, 0)
    const variables = this.variables.length ? `(${this.variables.map(({ name, type, initial }) =>
      `$${name}: ${type}${initial === undefined ? '' : ` = ${print(initial)}`}`).join(' ')})` : ''
    const named = random.maybe(0.6)
    const head = named || variables || kind !== 'query' ? `${kind} ${named ? 'Main' : ''}${variables} ` : ''
    const parts = [`${head}${selections}`, ...this.fragments]
    if (named && random.maybe(0.2)) parts.push('query Other { viewer { id } }')
    const several = parts.length > 1 + this.fragments.length
    return { query: parts.join('\n'), variables: this.values, operationName: named && (several || random.maybe(0.3)) ? 'Main' : undefined }
  }

  name(of) { return `${of}${this.named++}` }

  selections(type, depth) {
    const { random, schema } = this
    const parts = []
    if (isAbstractType(type) && random.maybe(0.8)) {
      const possible = random.of(schema.getPossibleTypes(type))
      parts.push(`... on ${possible}${this.directives()} ${this.selections(possible, depth + 1)}`)
    }
    const fields = Object.values(type.getFields?.() ?? {}).filter(field => depth < 4 || isLeafType(getNamedType(field.type)))
    for (let n = depth === 0 ? 1 + random.below(2) : 1 + random.below(3); n > 0 && fields.length; n--) {
      parts.push(this.field(type, random.of(fields), depth))
    }
    if (random.maybe(0.15) || !parts.length) parts.push('__typename')
    if (random.maybe(0.12) && depth < 3) parts.push(`...${random.maybe(0.5) ? ` on ${type}` : ''}${this.directives()} ${this.selections(type, depth + 1)}`)
    if (random.maybe(0.12) && depth < 3) {
      const name = this.name('F')
      this.fragments.push(`fragment ${name} on ${type} ${this.selections(type, depth + 1)}`)
      parts.push(`...${name}${this.directives()}`)
    }
    return `{ ${parts.join(' ')} }`
  }

  field(parent, field, depth) {
    const { random } = this
    const given = field.args.filter(argument => isRequiredArgument(argument) || random.maybe(0.35))
    const list = given.map(argument => `${argument.name}: ${this.argument(argument)}`)
    const args = list.length ? `(${list.join(', ')})` : ''
    // What is given arguments is not merged with anything.
    const alias = args || random.maybe(0.1) ? `${this.name('a')}: ` : ''
    const named = getNamedType(field.type)
    const root = Object.values(this.schema.getSubscriptionType().getFields()).includes(field)
    return `${alias}${field.name}${args}${root ? '' : this.directives()}${isLeafType(named) ? '' : ` ${this.selections(named, depth + 1)}`}`
  }

  argument({ name, type }) {
    const small = ['first', 'last'].includes(name) ? 1 + this.random.below(2) : undefined
    const given = small ?? value(this.random, type)
    if (this.random.maybe(0.4)) return this.variable(type, given)
    return isInputObjectType(getNullableType(type)) && given ? this.object(getNullableType(type), given) : print(given)
  }

  /** With variables in it, too. */
  object(type, given) {
    const fields = Object.entries(given).map(([name, value]) => {
      const field = type.getFields()[name]
      const place = type.isOneOf ? `${field.type}!` : field.type
      return `${name}: ${this.random.maybe(0.2) ? this.variable(place, value) : print(value)}`
    })
    return `{${fields.join(', ')}}`
  }

  variable(type, given) {
    const { random } = this
    const name = this.name('v')
    const nullable = `${type}`.replace(/!$/, '')
    const required = `${type}`.endsWith('!')
    // A default makes up for a type that may be null.
    const initial = random.maybe(0.2) && (given !== null || !required) ? given : undefined
    const stricter = given !== null && random.maybe(0.2)
    this.variables.push({ name, type: stricter ? `${nullable}!` : initial !== undefined && initial !== null ? nullable : `${type}`, initial })
    if (initial === undefined || random.maybe(0.5)) {
      if (given !== null || required || stricter || random.maybe(0.5)) this.values[name] = JSON.parse(JSON.stringify(given))
    }
    return `$${name}`
  }

  directives() {
    const { random } = this
    if (!random.maybe(0.08)) return ''
    const condition = random.maybe(0.5) ? random.of(['true', 'false']) : this.variable('Boolean!', true)
    return ` @${random.of(['include', 'skip'])}(if: ${condition})`
  }
}
