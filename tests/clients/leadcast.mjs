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
