// The bar at the top: who asks, and whether a socket is open.

import { type FormEvent, useState } from 'react'

import { address } from '../shared/address'
import { useStatus } from '../shared/live'
import { choose, type DevToken, nameOf, paste, useSession } from '../shared/session'
import { useViewer } from './viewer'

/** Dev mode: everybody whose token the server hands out. */
function Menu({ tokens, chosen }: { tokens: DevToken[]; chosen: string | null }) {
  const tenants = [...new Set(tokens.map(token => token.tenant))]
  return (
    <label>
      <span>Act as</span>
      <select name="identity" value={chosen ?? ''} onChange={event => choose(event.target.value)}>
        {tenants.map(tenant => (
          <optgroup key={tenant} label={tenant}>
            {tokens.filter(token => token.tenant === tenant).map(token => (
              <option key={nameOf(token)} value={nameOf(token)}>{`${token.user} · ${token.role} · ${tenant}`}</option>
            ))}
          </optgroup>
        ))}
      </select>
    </label>
  )
}

/** Anywhere else. */
function Paste({ pasted }: { pasted: string }) {
  const [text, setText] = useState(pasted)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    paste(text)
  }
  return (
    <form onSubmit={submit}>
      <label>
        <span>Token</span>
        <input
          name="token" type="password" autoComplete="off" spellCheck={false} placeholder="Paste a token"
          title="Sent as the Authorization header; kept until this window is closed. One in the headers pane goes before it."
          value={text} onChange={event => setText(event.target.value)} onBlur={() => paste(text)}
        />
      </label>
      <button type="submit">Use</button>
    </form>
  )
}

function Who() {
  const { viewer, problem } = useViewer()
  if (problem) return <span className="who problem" role="alert">{problem}</span>
  if (!viewer) return <span className="who">Nobody yet</span>
  const until = new Date(viewer.tokenExpiresAt)
  return (
    <span className="who" title={`User id ${viewer.id}. The token is good until ${until.toLocaleString()}.`}>
      <b>{viewer.user.name}</b> {viewer.user.role} <i>at</i> {viewer.tenant.name}
    </span>
  )
}

const SOCKET = {
  idle: ['no socket', 'A subscription opens one.'],
  connecting: ['connecting', 'A socket is being opened.'],
  live: ['live', 'A socket is open: subscriptions run over it.'],
} as const

export function Bar() {
  const { tokens, chosen, pasted } = useSession()
  const status = useStatus()
  const [word, title] = SOCKET[status]
  return (
    <header className="bar">
      <span className="name"><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" /><circle cx="10" cy="22" r="3" /><path d="M10 14a8 8 0 0 1 8 8M10 7a15 15 0 0 1 15 15" /></svg>leadcast <i>GraphiQL</i></span>
      {tokens.length ? <Menu tokens={tokens} chosen={chosen} /> : <Paste pasted={pasted} />}
      <Who />
      <span className={`socket ${status}`} title={title} role="status">{word}</span>
      <a href={address('playground/licences.txt').href} target="_blank" rel="noreferrer">Licences</a>
    </header>
  )
}
