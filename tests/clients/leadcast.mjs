// A leadcast that a test of the Rust suite (tests/it/clients.rs) starts when it is asked to, and whose clock it moves.

const control = process.env.LEADCAST_CONTROL
if (!control) throw new Error('LEADCAST_CONTROL is not set: these tests are run by `cargo test --test it clients`')

const tell = async (path, body) => {
  const answer = await fetch(control + path, { method: 'POST', body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
  return answer.text()
}

/** Starts the server, with this mail server if there is one; returns its address. */
export const start = smtp => tell('/start', { smtp })

/** Moves its clock on. */
export const advance = seconds => tell('/advance', { seconds })

/** A fresh token of a user of the tenant `demo`. */
export async function token(url, user) {
  const tokens = await (await fetch(`${url}/dev/tokens`)).json()
  return tokens.find(token => token.tenant === 'demo' && token.user === user).token
}

/** Asks as a user of the tenant `demo`. Neither errors nor refusals are expected. */
export async function ask(url, user, query, variables) {
  const answer = await (await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await token(url, user)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  })).json()
  const refused = Object.values(answer.data ?? {}).flatMap(payload => payload?.userErrors ?? [])
  if (answer.errors || refused.length) throw new Error(JSON.stringify(answer))
  return answer.data
}

/** Waits for what must come, for as long as a loaded machine may take. */
export async function eventually(what, look) {
  const end = Date.now() + 20_000
  for (;;) {
    const found = await look()
    if (found) return found
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise(done => setTimeout(done, 20))
  }
}

/** Posts a lead under this reference and opens it to providers; returns its id, once the server has read of it: who listens from then on has missed it. */
export async function openLead(url, reference) {
  const after = await streamCursor(url)
  const input = { reference, title: reference, description: 'Two rooms, old wiring', category: 'Electrical', location: { country: 'ZA' }, contact: { name: 'Casey', phone: '+27 82 123 4567' } }
  const { createLead } = await ask(url, 'casey', 'mutation ($input: CreateLeadInput!) { createLead(input: $input) { lead { id } userErrors { code message } } }', { input })
  await ask(url, 'admin', 'mutation ($id: ID!) { verifyLead(input: { id: $id }) { userErrors { code message } } }', createLead.lead)
  await eventually('the server to read of the lead', async () => {
    const { events } = (await ask(url, 'pat', 'query ($after: Cursor!) { events(after: $after, types: [LEAD_CREATED]) { events { ... on LeadCreatedEvent { lead { id } } } } }', { after })).events
    return events.some(({ lead }) => lead.id === createLead.lead.id)
  })
  return createLead.lead.id
}

/** The newest place in the event log. */
export const streamCursor = async url => (await ask(url, 'pat', '{ streamCursor }')).streamCursor

/** Makes the tokens of today expire: those of /dev/tokens are good for a day. */
export const expire = () => advance(25 * 60 * 60)

/** Subscribes with a client of graphql-ws or graphql-sse: gathers what comes, and tells when it has ended. */
export function stream(client, payload, seen = () => {}) {
  const events = []
  let stop
  const ended = new Promise((complete, error) => {
    stop = client.subscribe(payload, { next: result => { events.push(result); seen(result) }, error, complete })
  })
  // Who does not wait for it learns of a failure because the next event does not come.
  ended.catch(() => {})
  return { events, ended, stop }
}

/** Waits until this many have come. */
export const came = (events, count) => eventually(`${count} events`, () => events.length >= count)
