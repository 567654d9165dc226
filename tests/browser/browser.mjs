// Chromium, and what must not happen in it.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { createServer, request as ask } from 'node:http'
import { join } from 'node:path'

import { chromium } from 'playwright-core'

const PATIENCE_MS = 60_000

/** Where it may be; `CHROMIUM` says it of others. The Rust suite looks in the same places (tests/it/browser.rs). */
const PLACES = [
  process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** It is to ask nobody but the page's server, so what it does for itself is switched off. */
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]

/** A browser with a folder of its own. */
export const launch = () => chromium.launch({
  executablePath: PLACES.find(place => place && existsSync(place)),
  args: FLAGS,
  timeout: PATIENCE_MS,
})

/** Waits for what must come, for as long as a loaded machine may take. `look` is called from here: the page's policy forbids eval. */
export async function eventually(what, look) {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    const found = await look()
    if (found) return found
    if (Date.now() > end) throw new Error(`waited in vain for ${typeof what === 'function' ? await what() : what}`)
    await new Promise(done => setTimeout(done, 50))
  }
}

/** A window of its own, as of somebody who was never here, and what was noticed in it. */
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 820 }, ...options })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  const noticed = { requests: [], sockets: [], problems: [] }
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', event => console.error(`forbidden: ${event.violatedDirective} ${event.blockedURI}`))
  })
  page.on('request', request => noticed.requests.push(request.url()))
  page.on('websocket', socket => noticed.sockets.push(socket.url()))
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) noticed.problems.push(`${message.text()} (${message.location().url})`)
  })
  page.on('pageerror', error => noticed.problems.push(String(error)))
  page.on('requestfailed', request => noticed.problems.push(`${request.url()}: ${request.failure()?.errorText}`))
  await page.goto(`${url}/graphql`)
  return { page, noticed, close: () => context.close() }
}

/** Nothing went elsewhere, and nothing went wrong. */
export function nothingStrange({ requests, sockets, problems }, url) {
  const { host } = new URL(url)
  const foreign = [...requests, ...sockets].filter(one => !one.startsWith('data:') && new URL(one).host !== host)
  assert.ok(requests.length > 5, 'requests are noticed')
  assert.deepEqual(foreign, [])
  assert.deepEqual(problems, [])
}

/** A proxy that puts a prefix before the server's addresses; answers its own. */
export async function prefixed(url, prefix) {
  const proxy = createServer((request, response) => {
    if (!request.url.startsWith(`${prefix}/`)) return response.writeHead(404).end()
    const { method, headers } = request
    const asked = ask(url + request.url.slice(prefix.length), { method, headers }, answer => {
      response.writeHead(answer.statusCode, answer.headers)
      answer.pipe(response)
    })
    asked.on('error', () => response.destroy())
    request.pipe(asked)
  })
  await new Promise(done => proxy.listen(0, '127.0.0.1', done))
  return { url: `http://127.0.0.1:${proxy.address().port}${prefix}`, close: () => { proxy.closeAllConnections(); proxy.close() } }
}

/** For people who look: only where a folder is named. */
export async function screenshot(page, name) {
  const folder = process.env.LEADCAST_SCREENSHOTS
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`) })
}
