// GraphiQL in a browser: what it shows, sends and hears, and that it asks nobody but its own server.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { groups, nameOf, variablesOf } from '../../playground/src/operations/index.js'
import { ask, tokenOf } from './api.mjs'
import { eventually, launch, nothingStrange, open, prefixed, screenshot } from './browser.mjs'
import { actAs, headers, query, responds, response, run, schemaIsKnown, socketIs, starter, variables } from './graphiql.mjs'

const { LEADCAST_DEV: dev, LEADCAST_PRODUCTION: production, LEADCAST_TOKEN: token } = process.env
if (!dev) throw new Error('LEADCAST_DEV is not set: these tests are run by `cargo test --test it browser`')

let browser
before(async () => { browser = await launch() })
after(() => browser?.close())

const VERIFY = 'mutation ($id: ID!) { verifyLead(input: { id: $id }) { lead { status } userErrors { code } } }'

test('a query, a mutation and a stream, each as somebody else', async () => {
  const { page, noticed, close } = await open(browser, dev)
  await actAs(page, 'demo/admin', 'Admin ADMIN at Demo marketplace')
  await schemaIsKnown(page)
  await query(page, '{ viewer { id user { role } } }')
  await run(page)
  assert.deepEqual((await responds(page, 'ADMIN')).data.viewer, { id: 'admin', user: { role: 'ADMIN' } })

  await actAs(page, 'demo/casey', 'Casey CUSTOMER')
  await starter(page, 'CreateLead')
  await run(page)
  const { lead, userErrors } = (await responds(page, 'createLead')).data.createLead
  assert.deepEqual([lead.status, userErrors], ['IN_REVIEW', []])

  await actAs(page, 'demo/pat', 'Pat PROVIDER')
  await starter(page, 'LeadCreated')
  const { streamCursor } = await ask(dev, 'demo/admin', '{ streamCursor }')
  await variables(page, { after: streamCursor })
  await run(page)
  await socketIs(page, 'live')
  await ask(dev, 'demo/admin', VERIFY, { id: lead.id })
  const told = (await responds(page, lead.id)).data.leadCreated
  assert.equal(told.lead.title, 'Rewire a kitchen')
  assert.match(noticed.sockets[0], /^ws:.*\/graphql$/)
  await screenshot(page, 'light')

  // The id that was heard of is in the next operation already.
  await starter(page, 'ClaimLead')
  await run(page)
  const claim = (await responds(page, 'claimLead')).data.claimLead
  assert.deepEqual([claim.claim?.status, claim.lead?.contact?.name, claim.userErrors], ['ACTIVE', 'Casey', []])
  nothingStrange(noticed, dev)
  await close()
})

test('somebody else gets a socket of their own', async () => {
  const { page, noticed, close } = await open(browser, dev)
  await actAs(page, 'demo/quinn', 'Quinn PROVIDER')
  await starter(page, 'BalanceUpdated')
  const subscribe = async (name, count) => {
    const { streamCursor } = await ask(dev, 'demo/admin', '{ streamCursor }')
    await variables(page, { after: streamCursor })
    await run(page)
    await socketIs(page, 'live')
    assert.equal(noticed.sockets.length, count)
    const topUp = 'mutation ($input: TopUpWalletInput!) { topUpWallet(input: $input) { userErrors { code } } }'
    for (const owner of ['quinn', 'riley']) {
      await ask(dev, 'demo/admin', topUp, { input: { ownerId: owner, amount: 1, reference: crypto.randomUUID() } })
    }
    return (await responds(page, 'balanceUpdated')).data.balanceUpdated
  }
  const quinns = await subscribe('quinn', 1)
  await actAs(page, 'demo/riley', 'Riley PROVIDER')
  await socketIs(page, 'no socket')
  const rileys = await subscribe('riley', 2)
  assert.notEqual(quinns.wallet.id, rileys.wallet.id)
  nothingStrange(noticed, dev)
  await close()

  // A new window begins as the one before ended, in the same browser alone.
  const stranger = await open(browser, dev)
  await stranger.page.locator('.who', { hasText: 'Admin ADMIN' }).waitFor()
  await stranger.close()
})

test('the choice is remembered', async () => {
  const { page, close } = await open(browser, dev)
  await actAs(page, 'rival/pat', 'Pat PROVIDER at Rival marketplace')
  await page.reload()
  await page.locator('.who', { hasText: 'Pat PROVIDER at Rival marketplace' }).waitFor()
  await close()
})

test('the headers pane goes before the menu, over both transports', async () => {
  const { page, noticed, close } = await open(browser, dev)
  await actAs(page, 'demo/admin', 'Admin ADMIN')
  await schemaIsKnown(page)
  await headers(page, { Authorization: `Bearer ${await tokenOf(dev, 'rival/riley')}` })
  await query(page, '{ viewer { id tenant { name } } }')
  await run(page)
  assert.deepEqual((await responds(page, 'Rival')).data.viewer, { id: 'riley', tenant: { name: 'Rival marketplace' } })

  await query(page, 'subscription ($after: Cursor) { events(after: $after) { __typename } }')
  await headers(page, { Authorization: 'Bearer nonsense' })
  await run(page)
  const { errors: [error] } = await responds(page, 'closeCode')
  assert.equal(error.extensions.closeCode, 4403)
  assert.ok(error.extensions.reason && error.message.includes(error.extensions.reason), error.message)
  nothingStrange(noticed, dev)
  await close()
})

test('docs, explorer and history open, and what is typed is made pretty', async () => {
  const { page, noticed, close } = await open(browser, dev, { colorScheme: 'dark' })
  await page.locator('.who', { hasText: 'Admin' }).waitFor()
  await schemaIsKnown(page)
  await query(page, 'query Mine{viewer{id}}')
  await page.getByRole('button', { name: /Prettify/ }).click()
  await eventually('the pretty query', () => page.evaluate(
    () => globalThis.__MONACO.editor.getModels().some(model => model.getValue().includes('query Mine {\n  viewer {\n    id\n'))))
  await run(page)
  await responds(page, '"admin"')
  await page.getByRole('button', { name: /Show History/ }).click()
  await page.locator('.graphiql-history-item', { hasText: 'Mine' }).first().waitFor()
  await page.getByRole('button', { name: /Show GraphiQL Explorer/ }).click()
  await page.locator('.docExplorerWrap', { hasText: 'notificationPreferences' }).waitFor()
  await page.getByRole('button', { name: /Show Documentation Explorer/ }).click()
  await page.locator('.graphiql-doc-explorer', { hasText: 'subscription: Subscription' }).waitFor()
  await screenshot(page, 'dark')
  nothingStrange(noticed, dev)
  await close()
})

test('with a key of its own the server wants a token, and says so', async () => {
  const { page, noticed, close } = await open(browser, production)
  const notice = page.locator('.notice')
  await notice.filter({ hasText: 'Paste a token above' }).waitFor()
  await screenshot(page, 'production')
  await page.locator('input[name=token]').fill(`Bearer ${token}`)
  await page.getByRole('button', { name: 'Use', exact: true }).click()
  await page.locator('.who', { hasText: 'Pat PROVIDER' }).waitFor()
  await notice.filter({ hasText: 'LEADCAST_INTROSPECTION=on' }).waitFor()
  await query(page, '{ viewer { id } }')
  await run(page)
  assert.equal((await responds(page, 'viewer')).data.viewer.id, 'pat')
  await query(page, 'subscription { events { cursor } }')
  await run(page)
  await socketIs(page, 'live')
  // There is no such address there, and the schema is not told: both are said to the browser's console.
  noticed.problems = noticed.problems.filter(problem => !problem.includes('/dev/tokens') && !problem.includes('400'))
  nothingStrange(noticed, production)
  assert.equal(await response(page), '')
  await close()
})

test('it works behind a proxy, under a prefix', async t => {
  const proxy = await prefixed(dev, '/market/api')
  t.after(proxy.close)
  const { page, noticed, close } = await open(browser, proxy.url)
  await page.locator('.who', { hasText: 'Admin' }).waitFor()
  await schemaIsKnown(page)
  await run(page)
  assert.equal((await responds(page, 'viewer')).data.viewer.id, 'admin')
  nothingStrange(noticed, proxy.url)
  await close()
})

test('every query of the pane is answered', async () => {
  const { streamCursor } = await ask(dev, 'demo/admin', '{ streamCursor }')
  const known = { cursor: streamCursor, lead: crypto.randomUUID(), claim: crypto.randomUUID(), notification: crypto.randomUUID() }
  for (const starter of groups.find(({ title }) => title === 'Queries').starters) {
    const data = await ask(dev, 'demo/admin', starter.text, JSON.parse(variablesOf(starter, place => known[place]) || '{}'))
    assert.equal(typeof data, 'object', nameOf(starter))
  }
})
