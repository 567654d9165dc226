// What the reference of GraphQL over HTTP asks of a server: each of its audits, asked with a token.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { serverAudits } from 'graphql-http'

import { start, token } from './leadcast.mjs'

test('every audit of graphql-http is ok', async () => {
  const leadcast = await start()
  const authorization = `Bearer ${await token(leadcast, 'pat')}`
  const fetchFn = (url, init = {}) => fetch(url, { ...init, headers: { ...init.headers, authorization } })
  const audits = serverAudits({ url: `${leadcast}/graphql`, fetchFn })
  const results = []
  for (const audit of audits) results.push(await audit.fn())
  const others = results.filter(({ status }) => status !== 'ok').map(({ response, ...result }) => ({ ...result, status: result.status, http: response?.status }))
  assert.deepEqual(others, [])
  assert.equal(results.length, 61)
})
