// Whether a request may be executed: leadcast and graphql-js say the same of each of a thousand.

import assert from 'node:assert/strict'
import { before, test } from 'node:test'

import { getOperationAST, getVariableValues, parse, specifiedRules, validate } from 'graphql'

import { edges } from './edges.mjs'
import { Maker, Random } from './generator.mjs'
import { start, token } from './leadcast.mjs'
import { mutated, requests, semantic, textual } from './mutations.mjs'
import { schema } from './schema.mjs'

const SEED = Number(process.env.LEADCAST_TEST_SEED ?? 1)
const VALID = 400
const OF_EACH = 12
const AT_ONCE = 8

let leadcast, authorization
before(async () => {
  leadcast = await start()
  authorization = `Bearer ${await token(leadcast, 'admin')}`
})

/** What graphql-js says: the errors of the first step that has any. */
function reference({ query, variables, operationName }) {
  let document
  try {
    document = parse(query)
    const errors = validate(schema, document)
    if (errors.length) return errors
  } catch (error) {
    // A syntax error; or one of the rules has stumbled over what another refuses.
    return [error]
  }
  const operation = getOperationAST(document, operationName)
  if (!operation) return [new Error('no such operation')]
  return getVariableValues(schema, operation.variableDefinitions ?? [], variables ?? {}).errors ?? []
}

/** What leadcast says: its errors when it has not executed the request. */
async function verdict({ query, variables, raw, operationName }) {
  const members = [`"query":${JSON.stringify(query)}`, `"variables":${raw ?? JSON.stringify(variables)}`]
  if (operationName !== undefined) members.push(`"operationName":${JSON.stringify(operationName)}`)
  const gone = new AbortController()
  const answer = await fetch(`${leadcast}/graphql`, {
    method: 'POST',
    headers: { authorization, accept: 'application/graphql-response+json, text/event-stream', 'content-type': 'application/json' },
    body: `{${members}}`,
    signal: gone.signal,
  })
  if (answer.headers.get('content-type').startsWith('text/event-stream')) {
    gone.abort()
    return []
  }
  const { data, errors, extensions: _rateLimit, ...others } = await answer.json()
  assert.deepEqual(others, {}, query)
  assert.equal(answer.status, data === undefined ? 400 : 200, `${query}\n${JSON.stringify(errors)}`)
  if (data !== undefined) return []
  for (const { message } of errors) assert.ok(message.length <= 501, message)
  return errors
}

/** What they differ in. */
const KNOWN = [
  // Its stream could not be told from two, and the executor would open one.
  { why: 'a subscription names its one root field once', ours: /can only have one root field/i },
  // graphql-js finds out when it executes the operation.
  { why: 'what decides whether something is included is not null', ours: /decides what is included: it must not be null/ },
  // The specification of September 2025 says so; graphql-js 16 is of 2021.
  { why: 'the root field of a subscription is not conditional', ours: /can not specify @skip or @include on root fields/ },
]

function corpus() {
  const random = new Random(SEED)
  const made = edges.map(edge => ({ ...edge, from: 'edge' }))
  const good = Array.from({ length: VALID }, () => ({ ...new Maker(random, schema).document(), from: 'maker' }))
  made.push(...good)
  const sound = good.filter(request => reference(request).length === 0)
  const several = (from, change) => {
    for (let n = 0, tries = 0; n < OF_EACH && tries < 40 * OF_EACH; tries++) {
      const request = change(random.of(sound))
      if (request) made.push({ ...request, from }) && n++
    }
  }
  for (const [from, mutation] of Object.entries({ ...semantic, ...requests })) several(from, request => mutated(random, schema, request, mutation))
  for (const [from, change] of Object.entries(textual)) several(from, request => ({ ...request, query: change(request.query, random) }))
  return made
}

test('leadcast and graphql-js agree', async t => {
  const requests = corpus()
  const [differences, deliberate, refused] = [[], new Map(), { leadcast: 0, graphqlJs: 0 }]
  const limited = []
  const next = requests.entries()
  const work = async () => {
    for (const [n, request] of next) {
      const [ours, theirs] = [await verdict(request), reference(request)]
      if (ours.some(error => error.extensions?.code === 'LIMIT_EXCEEDED')) { limited.push(request); continue }
      refused.leadcast += Boolean(ours.length)
      refused.graphqlJs += Boolean(theirs.length)
      if (Boolean(ours.length) === Boolean(theirs.length)) continue
      const meant = KNOWN.find(one => ours.some(error => one.ours.test(error.message)))
      if (meant) deliberate.set(meant.why, (deliberate.get(meant.why) ?? 0) + 1)
      else differences.push({ n, from: request.from, ...request, leadcast: ours.map(error => error.message), graphqlJs: theirs.map(error => error.message) })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  t.diagnostic(`${requests.length} requests of seed ${SEED}: leadcast refuses ${refused.leadcast}, graphql-js ${refused.graphqlJs}; over a limit: ${limited.length}; ${[...deliberate].map(([why, count]) => `${why}: ${count}`)}`)
  assert.deepEqual(differences, [], `${differences.length} differences: ${JSON.stringify(differences.slice(0, 20), null, 2)}`)
  assert.ok(requests.length >= 1_000 && refused.leadcast >= 400 && requests.length - refused.leadcast >= 400, `too few: ${requests.length}, ${refused.leadcast}`)
  assert.ok(limited.length <= requests.length / 100, `${limited.length} are over a limit`)
})

test('every rule is broken by some request', () => {
  const requests = corpus()
  // How deep introspection goes is a limit of graphql-js; leadcast has its own.
  for (const rule of specifiedRules.filter(({ name }) => name !== 'MaxIntrospectionDepthRule')) {
    const broken = requests.filter(({ query }) => {
      try {
        return validate(schema, parse(query), [rule]).length
      } catch {
        return false
      }
    })
    assert.ok(broken.length >= 3, `${rule.name}: ${broken.length}`)
  }
})
