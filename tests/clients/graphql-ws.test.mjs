// graphql-ws as front ends use it: operations over one socket, and a stream that outlives its token.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { createClient } from 'graphql-ws'
import WebSocket from 'ws'

import { advance, came, eventually, expire, openLead, start, stream, streamCursor, token } from './leadcast.mjs'
import { snippet } from './readme.mjs'

const CREATED = `subscription ($after: Cursor) { leadCreated(after: $after) { cursor backlog lead { title } } }`
const CLAIMED = `subscription ($after: Cursor, $ids: [ID!]) { leadClaimed(after: $after, leadIds: $ids) { claimCount claimedByViewer lead { id claimCount } } }`

let leadcast
const clients = []
before(async () => { leadcast = await start() })
after(() => Promise.all(clients.map(client => client.dispose())))

/** A client as the README has it, of `pat`; what happened to its sockets is in `log`. */
function connect(options = {}) {
  const log = { sockets: [], tokens: [], closed: [], pongs: [] }
  const client = createClient({
    url: `${leadcast.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: async () => {
      log.tokens.push(await token(leadcast, 'pat'))
      return { authorization: `Bearer ${log.tokens.at(-1)}` }
    },
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait: async () => {},
    on: {
      connected: socket => log.sockets.push(socket),
      closed: ({ code, reason }) => log.closed.push([code, reason]),
      pong: (received, payload) => received && log.pongs.push(payload),
    },
    ...options,
  })
  clients.push(client)
  return { client, log }
}

/** The one result of a query or a mutation. */
async function once(client, payload) {
  const results = []
  for await (const result of client.iterate(payload)) results.push(result)
  assert.equal(results.length, 1)
  return results[0]
}

test('a query, a mutation and a subscription share one socket', async () => {
  const { client, log } = connect()
  const id = await openLead(leadcast, 'shared')
  const { events, ended, stop } = stream(client, { query: CLAIMED, variables: { after: await streamCursor(leadcast), ids: [id] } })
  const lead = () => once(client, { query: 'query ($id: ID!) { lead(id: $id) { claimCount price contact { phone } } }', variables: { id } })
  const { price, ...fresh } = (await lead()).data.lead
  assert.deepEqual(fresh, { claimCount: 0, contact: null })
  const claim = await once(client, {
    query: 'mutation ($id: ID!, $price: Credits!) { claimLead(input: { leadId: $id, maxPrice: $price }) { replayed claim { lead { contact { phone } } } userErrors { code } } }',
    variables: { id, price },
  })
  assert.deepEqual(claim.data.claimLead, { replayed: false, claim: { lead: { contact: { phone: '+27 82 123 4567' } } }, userErrors: [] })
  await came(events, 1)
  assert.deepEqual(events, [{ data: { leadClaimed: { claimCount: 1, claimedByViewer: true, lead: { id, claimCount: 1 } } } }])
  assert.deepEqual((await lead()).data.lead, { claimCount: 1, price, contact: { phone: '+27 82 123 4567' } })
  stop()
  await ended
  assert.equal(log.sockets.length, 1)
})

test('what the server refuses reaches the sink as errors, and the socket stays', async () => {
  const { client, log } = connect()
  const { events, ended, stop } = stream(client, { query: CREATED, variables: { after: await streamCursor(leadcast) } })
  const refusal = payload => stream(client, payload).ended.then(() => assert.fail('it was not refused'), errors => errors)
  for (const [payload, code, message] of [
    [{ query: 'subscription { leadCreated { nope } }' }, 'BAD_USER_INPUT', /nope/],
    [{ query: '{ lead(id: ' }, 'BAD_USER_INPUT', /./],
    [{ query: CREATED, variables: { after: 7 } }, 'BAD_USER_INPUT', /\$after/],
    [{ query: CREATED, variables: { after: 'no cursor' } }, 'BAD_USER_INPUT', /cursor/i],
  ]) {
    const errors = await refusal(payload)
    assert.ok(Array.isArray(errors), String(errors))
    assert.equal(errors[0].extensions.code, code)
    assert.match(errors[0].message, message)
  }
  await openLead(leadcast, 'after the refusals')
  await came(events, 1)
  assert.equal(events[0].data.leadCreated.lead.title, 'after the refusals')
  stop()
  await ended
  assert.deepEqual([log.sockets.length, log.closed], [1, []])
})

test('a stream goes on under a new token where the expired one left it', async () => {
  let between
  const { client, log } = connect({
    // Nobody listens now.
    retryWait: async () => { between ??= await openLead(leadcast, 'between') },
  })
  const variables = { after: await streamCursor(leadcast) }
  const { events, ended, stop } = stream(client, { query: CREATED, variables }, ({ data }) => { variables.after = data.leadCreated.cursor })
  await openLead(leadcast, 'before')
  await came(events, 1)
  await expire()
  await came(events, 2)
  await openLead(leadcast, 'afterwards')
  await came(events, 3)
  stop()
  await ended
  assert.deepEqual(events.map(({ data: { leadCreated: { lead, backlog } } }) => [lead.title, backlog]).slice(1), [['between', true], ['afterwards', false]])
  assert.equal(events[0].data.leadCreated.lead.title, 'before')
  assert.equal(new Set(events.map(({ data }) => data.leadCreated.cursor)).size, 3)
  assert.deepEqual(log.closed[0], [4403, 'The token has expired.'])
  assert.equal(log.sockets.length, 2)
  assert.equal(new Set(log.tokens).size, 2)
})

test('a ping with a new token keeps the socket open past the first one', async () => {
  const renewed = connect()
  const abandoned = connect({ retryAttempts: 0 })
  const after = await streamCursor(leadcast)
  const { events, ended, stop } = stream(renewed.client, { query: CREATED, variables: { after } })
  const other = stream(abandoned.client, { query: CREATED, variables: { after } })
  await openLead(leadcast, 'with the first token')
  await Promise.all([came(events, 1), came(other.events, 1)])

  const expiry = async () => (await once(renewed.client, { query: '{ viewer { tokenExpiresAt } }' })).data.viewer.tokenExpiresAt
  const first = await expiry()
  await advance(23 * 60 * 60)
  renewed.log.sockets[0].send(JSON.stringify({ type: 'ping', payload: { authorization: `Bearer ${await token(leadcast, 'pat')}` } }))
  await eventually('a pong', () => renewed.log.pongs.length)
  assert.deepEqual(renewed.log.pongs, [undefined], 'the pong does not repeat the token')
  assert.ok(Date.parse(await expiry()) - Date.parse(first) >= 22 * 60 * 60 * 1000)

  await advance(2 * 60 * 60)
  await assert.rejects(other.ended, { code: 4403 })
  await openLead(leadcast, 'with the second token')
  await came(events, 2)
  assert.deepEqual(events.map(({ data }) => data.leadCreated.lead.title), ['with the first token', 'with the second token'])
  assert.deepEqual([renewed.log.sockets.length, renewed.log.closed], [1, []])
  stop()
  await ended
})

test('the watch.mjs of the README misses nothing while its token expires', async () => {
  const file = await snippet('graphql-ws', 'watch.mjs', code => code.replace('127.0.0.1:4000', new URL(leadcast).host))
  const watch = spawn(process.execPath, [fileURLToPath(file)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  watch.stdout.setEncoding('utf8').on('data', text => { said += text })
  const exited = new Promise(done => watch.once('exit', done))
  const heard = title => eventually(title, () => said.includes(`title: '${title}'`))
  try {
    // It begins where the log ends when it has started: a lead at a time, until it hears of one.
    let tries = 0
    await eventually('the first lead', async () => { await openLead(leadcast, `try ${tries++}`); return said })
    await openLead(leadcast, 'to be seen')
    await heard('to be seen')
    const { length } = said
    await expire()
    await openLead(leadcast, 'as it expires')
    await heard('as it expires')
    await eventually('a second socket', async () => { await openLead(leadcast, `again ${tries++}`); return said.includes('backlog: true', length) })
  } finally {
    watch.kill()
    await exited
  }
  const titles = said.match(/title: '(.*)'/g)
  assert.equal(new Set(titles).size, titles.length, said)
})
