// The API itself, beside the browser.

export async function tokenOf(url, name) {
  const tokens = await (await fetch(`${url}/dev/tokens`)).json()
  return tokens.find(token => `${token.tenant}/${token.user}` === name).token
}

/** Asks as one of dev mode's users. Neither errors nor refusals are expected. */
export async function ask(url, name, query, variables) {
  const answer = await (await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await tokenOf(url, name)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  })).json()
  const refused = Object.values(answer.data ?? {}).flatMap(payload => payload?.userErrors ?? [])
  if (answer.errors || refused.length) throw new Error(`${query}: ${JSON.stringify(answer)}`)
  return answer.data
}
