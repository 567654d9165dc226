// graphql-sse in its usual mode, distinct connections: a request for each operation, and a stream that breaks off.

import assert from 'node:assert/strict'
import { createServer, connect as dial } from 'node:net'
import { after, before, test } from 'node:test'

import { NetworkError, createClient } from 'graphql-sse'

import { came, expire, openLead, start, stream, streamCursor, token } from './leadcast.mjs'

const CREATED = `subscription ($after: Cursor) { leadCreated(after: $after) { cursor backlog lead { title } } }`

let leadcast, wire
const clients = []
const connections = new Set()

/** Between client and server, to be cut. */
const proxy = () => new Promise(done => {
  const { hostname, port } = new URL(leadcast)
  const server = createServer(near => {
    const far = dial(port, hostname)
    connections.add(near)
    for (const [one, other] of [[near, far], [far, near]]) one.on('error', () => {}).on('close', () => other.destroy()).pipe(other)
    near.on('close', () => connections.delete(near))
  }).listen(0, '127.0.0.1', () => done(server))
})
const cut = () => { for (const connection of connections) connection.destroy() }

before(async () => {
  leadcast = await start()
  wire = await proxy()
})
after(() => {
  for (const client of clients) client.dispose()
  cut()
  wire?.close()
})

/** A client of `pat`, and how often it asked. */
function connect({ headers, retry = async () => {}, ...options } = {}) {
  const asked = []
  const client = createClient({
    url: `http://127.0.0.1:${wire.address().port}/graphql`,
    headers: headers ?? (async () => ({ authorization: `Bearer ${await token(leadcast, 'pat')}` })),
    fetchFn: (url, init) => { asked.push(JSON.parse(init.body)); return fetch(url, init) },
    retry,
    ...options,
  })
  clients.push(client)
  return { client, asked }
}

const titles = events => events.map(({ data }) => data.leadCreated.lead.title)

test('a query, a mutation and a subscription', async () => {
  const { client } = connect()
  const { events, ended, stop } = stream(client, { query: CREATED, variables: { after: await streamCursor(leadcast) } })
  const id = await openLead(leadcast, 'by SSE')
  await came(events, 1)
  assert.deepEqual(titles(events), ['by SSE'])
  const query = stream(client, { query: 'query ($id: ID!) { lead(id: $id) { title claimCount } }', variables: { id } })
  await query.ended
  assert.deepEqual(query.events.map(({ data }) => data), [{ lead: { title: 'by SSE', claimCount: 0 } }])
  const mutation = stream(client, { query: 'mutation ($id: ID!) { claimLead(input: { leadId: $id, maxPrice: 0 }) { userErrors { code } } }', variables: { id } })
  await mutation.ended
  assert.deepEqual(mutation.events.map(({ data }) => data), [{ claimLead: { userErrors: [{ code: 'PRICE_CHANGED' }] } }])
  stop()
  await ended
})

test('a stream that was cut off goes on from its last event', async () => {
  let between
  const { client, asked } = connect({
    // Nobody listens now.
    retry: async () => { between ??= await openLead(leadcast, 'between') },
  })
  // What is asked again is made of the same object.
  const variables = { after: await streamCursor(leadcast) }
  const { events, ended, stop } = stream(client, { query: CREATED, variables }, ({ data }) => { variables.after = data.leadCreated.cursor })
  await openLead(leadcast, 'before')
  await came(events, 1)
  cut()
  await came(events, 2)
  await openLead(leadcast, 'afterwards')
  await came(events, 3)
  stop()
  await ended
  assert.deepEqual(titles(events), ['before', 'between', 'afterwards'])
  assert.deepEqual(events.slice(1).map(({ data }) => data.leadCreated.backlog), [true, false])
  assert.equal(asked.length, 2)
  assert.equal(asked[1].variables.after, events[0].data.leadCreated.cursor)
})

test('a token that expires ends the stream with an error; a new one goes on from the last event', async () => {
  const { client, asked } = connect()
  const variables = { after: await streamCursor(leadcast) }
  const subscribe = () => stream(client, { query: CREATED, variables }, ({ data }) => { if (data) variables.after = data.leadCreated.cursor })
  const first = subscribe()
  await openLead(leadcast, 'first')
  await came(first.events, 1)
  await expire()
  await first.ended
  assert.deepEqual(titles(first.events.slice(0, 1)), ['first'])
  assert.deepEqual(first.events.slice(1), [{ errors: [{ message: 'The token has expired.', extensions: { code: 'UNAUTHENTICATED' } }] }])
  assert.equal(asked.length, 1)
  await openLead(leadcast, 'second')
  const second = subscribe()
  await came(second.events, 1)
  await openLead(leadcast, 'third')
  await came(second.events, 2)
  assert.deepEqual(titles(second.events), ['second', 'third'])
  second.stop()
  await second.ended
})

test('a token that is refused is an error that can be read, after as many tries as the client was told', async () => {
  const { client, asked } = connect({ headers: { authorization: 'Bearer nope' }, retryAttempts: 2 })
  const { events, ended } = stream(client, { query: CREATED })
  const error = await ended.then(() => assert.fail('it was not refused'), error => error)
  assert.ok(error instanceof NetworkError, String(error))
  assert.equal(error.response.status, 401)
  assert.deepEqual(await error.response.json(), { errors: [{ message: 'The token is not valid.', extensions: { code: 'UNAUTHENTICATED' } }] })
  assert.deepEqual(events, [])
  assert.equal(asked.length, 3)
})

test('what cannot be executed is said in the stream, and not tried again', async () => {
  const { client, asked } = connect({ retryAttempts: 1 })
  const requests = [
    [{ query: 'subscription { leadCreated { nope } }' }, /nope/],
    [{ query: '{ lead(id: ' }, /./],
    [{ query: CREATED, variables: { after: 'no cursor' } }, /\$after/],
  ]
  for (const [payload, message] of requests) {
    const { events, ended } = stream(client, payload)
    await ended
    const [{ errors, ...others }, ...more] = events
    assert.deepEqual([others, more], [{}, []])
    assert.equal(errors[0].extensions.code, 'BAD_USER_INPUT')
    assert.match(errors[0].message, message)
  }
  assert.equal(asked.length, requests.length)
})
