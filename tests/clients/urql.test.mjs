// urql's core as front ends use it: persisted queries, subscriptions over a socket and over server-sent events, the client of the README.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { before, test } from 'node:test'

import { Client, cacheExchange, fetchExchange, gql, stringifyDocument, subscriptionExchange } from '@urql/core'
import { persistedExchange } from '@urql/exchange-persisted'
import { createClient as createSseClient } from 'graphql-sse'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'

import { came, expire, openLead, start, streamCursor, token } from './leadcast.mjs'
import { snippet } from './readme.mjs'

// As the README says: not needed in a browser, nor in Node 22 and newer.
globalThis.WebSocket ??= WebSocket

const sha256 = text => createHash('sha256').update(text).digest('hex')
const CREATED = gql`subscription Leads($after: Cursor) { leadCreated(after: $after) { cursor backlog lead { id title } } }`

let leadcast
before(async () => { leadcast = await start() })

const headers = async () => ({ authorization: `Bearer ${await token(leadcast, 'pat')}` })

/** A client of `pat`; what went to and fro over HTTP is in `log`. */
function connect(exchanges, options = {}) {
  const log = []
  const client = new Client({
    url: `${leadcast}/graphql`,
    preferGetMethod: false,
    fetch: async (url, init) => {
      const response = await fetch(url, { ...init, headers: { ...init.headers, ...await headers() } })
      const parameters = init.body ? JSON.parse(init.body) : Object.fromEntries(new URL(url).searchParams)
      log.push({ method: init.method, status: response.status, type: response.headers.get('content-type').split(';')[0], parameters })
      return response
    },
    exchanges,
    ...options,
  })
  return { client, log }
}

// Their sockets and requests end with the last subscription.
const webSocket = () => createClient({ url: `${leadcast.replace('http', 'ws')}/graphql`, connectionParams: headers })
const serverSentEvents = () => createSseClient({ url: `${leadcast}/graphql`, headers })

/** Subscriptions by a client of graphql-ws or of graphql-sse. */
const forwardedTo = ({ subscribe }) => subscriptionExchange({
  forwardSubscription: request => ({ subscribe: sink => ({ unsubscribe: subscribe(request, sink) }) }),
})

/** Subscribes until the test ends; gathers what comes. */
function subscribe(t, client, query, variables) {
  const results = []
  const { unsubscribe } = client.subscription(query, variables).subscribe(result => results.push(result))
  t.after(unsubscribe)
  return results
}

const outcome = ({ data, error }) => [data?.leadCreated.lead.title, error]

for (const [method, preferGetForPersistedQueries] of [['POST', false], ['GET', 'within-url-limit']]) {
  test(`a persisted query is sent by its hash, over ${method}, and by its text when the hash is not known`, async () => {
    const { client, log } = connect([persistedExchange({ generateHash: async text => sha256(text), preferGetForPersistedQueries }), fetchExchange])
    // Each method has a document of its own, which the server has not seen before.
    const query = gql(`query Hashed${method}($first: Int) { viewer { id } leads(first: $first) { nodes { id } } }`)
    const hash = sha256(stringifyDocument(query))
    for (const first of [1, 2]) {
      const { data, error } = await client.query(query, { first }).toPromise()
      assert.deepEqual([data?.viewer.id, error], ['pat', undefined])
    }
    const json = value => typeof value === 'string' ? JSON.parse(value) : value
    const said = log.map(({ method, status, parameters: { query, variables, extensions } }) => {
      assert.equal(json(extensions).persistedQuery.sha256Hash, hash)
      return [method, status, query && sha256(query) === hash, json(variables).first]
    })
    assert.deepEqual(said, [[method, 400, undefined, 1], [method, 200, true, 1], [method, 200, undefined, 2]])
  })
}

test('a query, a mutation that is refused and one that is not', async () => {
  const { client } = connect([cacheExchange, fetchExchange])
  const id = await openLead(leadcast, 'claimed')
  const { data: { lead } } = await client.query(gql`query Lead($id: ID!) { lead(id: $id) { price claimCount contact { phone } } }`, { id })
  assert.deepEqual([lead.claimCount, lead.contact], [0, null])
  const mutation = gql`mutation Claim($id: ID!, $maxPrice: Credits!) {
    claimLead(input: { leadId: $id, maxPrice: $maxPrice }) { claim { lead { claimCount contact { phone } } } userErrors { code path } } }`
  const claim = async maxPrice => {
    const { data, error } = await client.mutation(mutation, { id, maxPrice })
    assert.equal(error, undefined)
    const { __typename, ...payload } = data.claimLead
    return payload
  }
  const refused = await claim(lead.price - 1)
  assert.equal(refused.claim, null)
  assert.deepEqual(refused.userErrors.map(({ code, path }) => [code, path]), [['PRICE_CHANGED', ['input', 'maxPrice']]])
  const taken = await claim(lead.price)
  assert.deepEqual([taken.claim.lead.claimCount, taken.claim.lead.contact.phone, taken.userErrors], [1, '+27 82 123 4567', []])
  const { error } = await client.query(gql`query Nope { nope }`, {})
  assert.equal(error.graphQLErrors[0].extensions.code, 'BAD_USER_INPUT')
})

for (const [how, subscriptions] of Object.entries({
  'graphql-ws': () => [[fetchExchange, forwardedTo(webSocket())]],
  'graphql-sse': () => [[fetchExchange, forwardedTo(serverSentEvents())]],
  'its own fetch': () => [[fetchExchange], { fetchSubscriptions: true }],
})) {
  test(`subscriptions over ${how}`, async t => {
    const { client, log } = connect(...subscriptions())
    const after = await streamCursor(leadcast)
    const titles = ['one', 'two', 'three'].map(title => `${title}, over ${how}`)
    const ids = [await openLead(leadcast, titles[0])]
    const results = subscribe(t, client, CREATED, { after })
    await came(results, 1)
    for (const title of titles.slice(1)) ids.push(await openLead(leadcast, title))
    await came(results, 3)
    assert.deepEqual(results.map(outcome), titles.map(title => [title, undefined]))
    assert.deepEqual(results.map(({ data }) => data.leadCreated.lead.id), ids)
    assert.ok(results[0].data.leadCreated.backlog)
    const expected = how === 'its own fetch' ? [['POST', 200, 'text/event-stream']] : []
    assert.deepEqual(log.map(({ method, status, type }) => [method, status, type]), expected)
    const refused = subscribe(t, client, CREATED, { after: 'no cursor' })
    await came(refused, 1)
    assert.equal(refused[0].error.graphQLErrors[0].extensions.code, 'BAD_USER_INPUT')
  })
}

test('the leadcast.mjs of the README misses nothing while its token expires', async t => {
  const readme = await import(await snippet('urql', 'leadcast.mjs'))
  let expired = false
  let between
  const client = readme.leadcast(new URL(leadcast).host, async () => {
    if (expired && !between) {
      // Nobody listens now, and the next try is another.
      between = await openLead(leadcast, 'between')
      throw new Error('no token to be had')
    }
    return token(leadcast, 'pat')
  })
  const { data } = await client.query(gql`query Start { streamCursor }`, {}, { requestPolicy: 'network-only' })
  const results = subscribe(t, client, CREATED, { after: data.streamCursor })
  await openLead(leadcast, 'before')
  await came(results, 1)
  expired = true
  await expire()
  await came(results, 2)
  await openLead(leadcast, 'afterwards')
  await came(results, 3)
  assert.deepEqual(results.map(outcome), ['before', 'between', 'afterwards'].map(title => [title, undefined]))
  assert.ok(results[1].data.leadCreated.backlog)
})
