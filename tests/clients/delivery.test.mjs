// Deliveries as others see them: a mail server and a reader of mails, and the library that receivers verify webhooks with.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'

import { simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'
import { Webhook } from 'standardwebhooks'

import { advance, ask, eventually, start } from './leadcast.mjs'

const mails = []
const calls = []
let leadcast, post, receiver, hook, webhook
let status = 204

const listening = server => new Promise(done => server.listen(0, '127.0.0.1', () => done(server)))

before(async () => {
  post = new SMTPServer({
    // The server keeps a connection for its next mail.
    closeTimeout: 100,
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, session, done) => simpleParser(stream).then(mail => { mails.push(mail); done() }, done),
  })
  await new Promise(done => post.listen(0, '127.0.0.1', done))
  receiver = await listening(createServer(async (request, response) => {
    let body = ''
    request.setEncoding('utf8')
    for await (const chunk of request) body += chunk
    calls.push({ headers: request.headers, body })
    response.writeHead(status).end()
  }))
  leadcast = await start(`smtp://127.0.0.1:${post.server.address().port}`)
  hook = `http://127.0.0.1:${receiver.address().port}/leadcast`
  await admin(`mutation { upsertUser(input: { id: "pat", role: PROVIDER, email: "pat@example.com" }) { userErrors { code } } }`)
})

after(() => {
  post?.close()
  receiver?.close()
})

const admin = (query, variables) => ask(leadcast, 'admin', query, variables)

const prefer = rules => ask(leadcast, 'pat', `mutation($rules: [PreferenceRuleInput!]) {
  updateNotificationPreferences(input: { rules: $rules }) { userErrors { code } } }`, {
  rules: ['EMAIL', 'WEBHOOK'].map(channel => ({ type: 'ANNOUNCEMENT', channel, frequency: rules[channel] ?? 'OFF' })),
})

let told = 0
const tell = (title, message = 'Something happened.') => admin(
  `mutation($input: CreateNotificationInput!) { createNotification(input: $input) { userErrors { code } } }`,
  { input: { to: { userIds: ['pat'] }, title, message, reference: `news ${told++}` } },
)

const newest = async () => (await admin('{ deliveries(first: 1) { nodes { id status attempts lastError } } }')).deliveries.nodes[0]
const until = (status, attempts) => eventually(`${status} after ${attempts}`, async () => {
  const delivery = await newest()
  return delivery.status === status && delivery.attempts === attempts && delivery
})

test('an instant e-mail is read in both its forms', async () => {
  await prefer({ EMAIL: 'INSTANT' })
  await tell('Zwölf <b>Leads</b> & mehr', 'In “Cape Town”\nand elsewhere')
  const { id } = await until('SENT', 1)
  const [mail] = mails
  assert.equal(mails.length, 1)
  assert.equal(mail.subject, 'Zwölf <b>Leads</b> & mehr')
  assert.equal(mail.from.text, '"Leads" <leads@example.com>')
  assert.deepEqual(mail.to.value, [{ address: 'pat@example.com', name: 'Pat' }])
  assert.equal(mail.messageId, `<${id}@example.com>`)
  assert.equal(mail.headers.get('auto-submitted'), 'auto-generated')
  assert.match(mail.text, /^Zwölf <b>Leads<\/b> & mehr\n\nIn “Cape Town”\nand elsewhere\n\n-- \n/)
  assert.match(mail.html, /&lt;b&gt;Leads&lt;\/b&gt; &amp; mehr/)
  assert.doesNotMatch(mail.html, /<b>/)
})

test('a webhook is verified by the library, with either secret after a rotation', async () => {
  const rotate = async () => (await admin('mutation { rotateWebhookSecret { secret userErrors { code } } }')).rotateWebhookSecret.secret
  const first = await rotate()
  await admin(`mutation($url: String) { updateTenantSettings(input: { webhookUrl: $url }) { userErrors { code message } } }`, { url: hook })
  await prefer({ WEBHOOK: 'INSTANT' })
  await tell('Verified')
  await until('SENT', 1)
  const { headers, body } = calls[0]
  webhook = new Webhook(first)
  const { type, data } = webhook.verify(body, headers)
  assert.equal(type, 'notification.instant')
  assert.deepEqual(data.notifications.map(({ title, message }) => [title, message]), [['Verified', 'Something happened.']])
  assert.equal(data.recipient.email, 'pat@example.com')
  assert.throws(() => webhook.verify(body.replace('Verified', 'Forged'), headers))
  assert.throws(() => new Webhook('whsec_' + Buffer.alloc(32).toString('base64')).verify(body, headers))

  const second = await rotate()
  await tell('Rotated')
  await until('SENT', 1)
  await eventually('the second call', () => calls.length === 2)
  for (const secret of [first, second]) {
    assert.equal(new Webhook(secret).verify(calls[1].body, calls[1].headers).data.notifications[0].title, 'Rotated')
  }
})

test('a webhook that fails is called again, under the same id', async () => {
  const before = calls.length
  status = 500
  await tell('Again')
  await until('RETRYING', 1)
  status = 200
  await advance(7)
  await until('SENT', 2)
  const [failed, taken] = calls.slice(before)
  assert.equal(calls.length, before + 2)
  assert.equal(failed.headers['webhook-id'], taken.headers['webhook-id'])
  assert.equal(webhook.verify(taken.body, taken.headers).data.notifications[0].title, 'Again')
})

test('a dead letter is seen, and tried anew', async () => {
  status = 410
  await tell('Gone')
  const dead = await until('DEAD', 1)
  assert.match(dead.lastError, /410/)
  status = 204
  await admin(`mutation($id: ID!) { retryDelivery(input: { id: $id }) { delivery { status } userErrors { code } } }`, { id: dead.id })
  assert.equal((await until('SENT', 1)).id, dead.id)
})

test('an hour is one e-mail', async () => {
  await prefer({ EMAIL: 'HOURLY' })
  // Not on the edge of an hour.
  const { createdAt } = (await admin('{ deliveries(first: 1) { nodes { createdAt } } }')).deliveries.nodes[0]
  await advance(3600 - Math.floor(Date.parse(createdAt) / 1000) % 3600 + 300)
  const before = mails.length
  for (const title of ['One', 'Two <i>', 'Three']) await tell(title, `Message of ${title}`)
  assert.equal(mails.length, before)
  await advance(3600)
  await until('SENT', 1)
  const mail = await eventually('the digest', () => mails[before])
  assert.equal(mails.length, before + 1)
  assert.match(mail.subject, /^3 notifications from /)
  for (const title of ['One', 'Two <i>', 'Three']) assert.ok(mail.text.includes(`${title}\n\nMessage of ${title}\n`), mail.text)
  assert.ok(mail.text.indexOf('Three') < mail.text.indexOf('One'), 'newest first')
  assert.match(mail.html, />Two &lt;i&gt;<\/h1>/)
})
