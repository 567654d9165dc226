// Apollo Client's core as front ends use it: persisted queries, a cache that streams keep true, and the client of the README.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { before, test } from 'node:test'

import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { OperationTypeNode, print } from 'graphql'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'

import { ask, came, eventually, expire, openLead, start, streamCursor, token } from './leadcast.mjs'
import { snippet } from './readme.mjs'

// As the README says: not needed in a browser, nor in Node 22 and newer.
globalThis.WebSocket ??= WebSocket

const sha256 = text => createHash('sha256').update(text).digest('hex')

let leadcast
before(async () => { leadcast = await start() })

const bearer = async user => `Bearer ${await token(leadcast, user)}`

/** HTTP as `user`; what went to and fro is in `log`. */
function http(user, log = []) {
  return new HttpLink({
    uri: `${leadcast}/graphql`,
    fetch: async (url, init) => {
      const response = await fetch(url, { ...init, headers: { ...init.headers, authorization: await bearer(user) } })
      const parameters = init.body ? JSON.parse(init.body) : Object.fromEntries(new URL(url).searchParams)
      const { errors } = await response.clone().json()
      log.push({ method: init.method, status: response.status, parameters, error: errors?.[0].message })
      return response
    },
  })
}

/** Subscriptions of `user`. The socket ends with the last of them. */
const webSocket = user => new GraphQLWsLink(createClient({
  url: `${leadcast.replace('http', 'ws')}/graphql`,
  connectionParams: async () => ({ authorization: await bearer(user) }),
}))

const isSubscription = ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION

/** A client until the test ends. */
function connect(t, link) {
  const client = new ApolloClient({ link, cache: new InMemoryCache() })
  t.after(() => client.stop())
  return client
}

/** Subscribes until the test ends; gathers what comes. */
function subscribe(t, client, query, variables) {
  const results = []
  const subscription = client.subscribe({ query, variables }).subscribe(result => results.push(result))
  t.after(() => subscription.unsubscribe())
  return results
}

for (const [method, useGETForHashedQueries] of [['POST', false], ['GET', true]]) {
  test(`a persisted query is sent by its hash, over ${method}, and by its text when the hash is not known`, async t => {
    const log = []
    const client = connect(t, new PersistedQueryLink({ sha256, useGETForHashedQueries }).concat(http('pat', log)))
    // Each method has a document of its own, which the server has not seen before.
    const query = gql(`query Hashed${method}($first: Int) { viewer { id } leads(first: $first) { nodes { id } } }`)
    const hash = sha256(print(client.cache.transformDocument(query)))
    for (const first of [1, 2]) {
      const { data } = await client.query({ query, variables: { first }, fetchPolicy: 'network-only' })
      assert.equal(data.viewer.id, 'pat')
    }
    const json = value => typeof value === 'string' ? JSON.parse(value) : value
    const said = log.map(({ method, status, error, parameters: { query, variables, extensions } }) => {
      assert.equal(json(extensions).persistedQuery.sha256Hash, hash)
      return [method, status, error, query && sha256(query) === hash, json(variables).first]
    })
    assert.deepEqual(said, [
      [method, 400, 'PersistedQueryNotFound', undefined, 1],
      ['POST', 200, undefined, true, 1],
      [method, 200, undefined, undefined, 2],
    ])
  })
}

test('a mutation is persisted, too, and never sent with GET', async t => {
  const log = []
  const client = connect(t, new PersistedQueryLink({ sha256, useGETForHashedQueries: true }).concat(http('pat', log)))
  const id = await openLead(leadcast, 'a mutation')
  const mutation = gql`mutation Claim($id: ID!) { claimLead(input: { leadId: $id, maxPrice: 0 }) { claim { id } userErrors { code message path } } }`
  const { data } = await client.mutate({ mutation, variables: { id } })
  assert.equal(data.claimLead.claim, null)
  assert.deepEqual(data.claimLead.userErrors.map(({ code, path }) => [code, path]), [['PRICE_CHANGED', ['input', 'maxPrice']]])
  assert.deepEqual(log.map(({ method, parameters: { query } }) => [method, Boolean(query)]), [['POST', false], ['POST', true]])
})

test('a claim moves the count of the lead in the cached page', async t => {
  const client = connect(t, ApolloLink.split(isSubscription, webSocket('pat'), http('pat')))
  const id = await openLead(leadcast, 'counted')
  const page = gql`query Page { streamCursor leads(first: 20) { nodes { id title claimCount version } } }`
  const shown = []
  const watched = client.watchQuery({ query: page }).subscribe(({ data }) => {
    const lead = data?.leads?.nodes.find(lead => lead.id === id)
    if (lead) shown.push([lead.title, lead.claimCount])
  })
  t.after(() => watched.unsubscribe())
  const { streamCursor } = await eventually('the page', () => client.readQuery({ query: page }))
  const claims = gql`subscription Claims($after: Cursor) { leadClaimed(after: $after) { cursor claimedByViewer lead { id claimCount version } } }`
  const events = subscribe(t, client, claims, { after: streamCursor })
  const claim = user => ask(leadcast, user, `mutation ($id: ID!) { claimLead(input: { leadId: $id, maxPrice: 100 }) { userErrors { code } } }`, { id })
  for (const [n, user] of ['quinn', 'riley'].entries()) {
    await claim(user)
    await eventually(`the claim of ${user}`, () => shown.length >= n + 2)
  }
  assert.deepEqual(shown, [['counted', 0], ['counted', 1], ['counted', 2]])
  assert.deepEqual(events.map(({ data, error }) => [data.leadClaimed.lead.claimCount, data.leadClaimed.claimedByViewer, error]), [[1, false, undefined], [2, false, undefined]])
})

test('what the server refuses are GraphQL errors, over HTTP and on a socket', async t => {
  const client = connect(t, ApolloLink.split(isSubscription, webSocket('pat'), http('pat')))
  const refused = error => {
    assert.ok(CombinedGraphQLErrors.is(error), String(error))
    assert.equal(error.errors[0].extensions.code, 'BAD_USER_INPUT')
    return true
  }
  await assert.rejects(client.query({ query: gql`query Nope { nope { id } }` }), refused)
  const results = subscribe(t, client, gql`subscription Nope($after: Cursor) { leadCreated(after: $after) { cursor } }`, { after: 'no cursor' })
  await came(results, 1)
  refused(results[0].error)
})

test('the leadcast.mjs of the README misses nothing while its token expires', async t => {
  const readme = await import(await snippet('Apollo Client', 'leadcast.mjs'))
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
  const query = gql`subscription Leads($after: Cursor) { leadCreated(after: $after) { cursor backlog lead { id title } } }`
  const results = subscribe(t, client, query, { after: await streamCursor(leadcast) })
  await openLead(leadcast, 'before')
  await came(results, 1)
  expired = true
  await expire()
  await came(results, 2)
  await openLead(leadcast, 'afterwards')
  await came(results, 3)
  assert.deepEqual(results.map(({ data, error }) => [data?.leadCreated.lead.title, error]), ['before', 'between', 'afterwards'].map(title => [title, undefined]))
  assert.ok(results[1].data.leadCreated.backlog)
})
