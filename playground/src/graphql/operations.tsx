// The pane of starters: what can be done, by whom, and one click to try it.

import { type GraphiQLPlugin, useGraphiQL, useGraphiQLActions } from '@graphiql/react'
import { useState } from 'react'

import { groups, nameOf, type Starter, variablesOf } from '../operations'
import { type Kind, lastId } from '../shared/ids'
import { nameOf as tokenName, useSession } from '../shared/session'
import { useViewer } from './viewer'

const DAY_MS = 24 * 60 * 60 * 1000

const random = () => [...crypto.getRandomValues(new Uint8Array(4))].map(byte => byte.toString(16).padStart(2, '0')).join('')

/** What the places in variables stand for. */
function filler(cursor: string | undefined) {
  return (place: string): string | undefined => {
    if (place === 'reference') return `try-${random()}`
    if (place === 'tomorrow') return new Date(Date.now() + DAY_MS).toISOString()
    if (place === 'cursor') return cursor
    return lastId(place as Kind)
  }
}

function Operations() {
  const { tabs, activeTabIndex, queryEditor, variableEditor } = useGraphiQL(state => ({
    tabs: state.tabs, activeTabIndex: state.activeTabIndex, queryEditor: state.queryEditor, variableEditor: state.variableEditor,
  }))
  const { addTab, stop } = useGraphiQLActions()
  const session = useSession()
  const { viewer } = useViewer()
  const [search, setSearch] = useState('')
  const role = session.tokens.find(token => tokenName(token) === session.chosen)?.role ?? viewer?.user.role

  const open = (starter: Starter) => {
    // What runs would go on in the new tab.
    stop()
    const isFresh = !tabs[activeTabIndex]?.query?.trim() && !queryEditor?.getValue().trim()
    if (!isFresh) addTab()
    queryEditor?.setValue(`${starter.text}\n`)
    variableEditor?.setValue(variablesOf(starter, filler(viewer?.streamCursor)))
    queryEditor?.focus()
  }
  const words = search.toLowerCase().split(/\s+/)
  const found = (starter: Starter) => words.every(word => `${starter.text} ${starter.about}`.toLowerCase().includes(word))

  return (
    <section className="operations" aria-label="Operations">
      <h1>Operations</h1>
      <input type="search" placeholder="Search" aria-label="Search operations" value={search} onChange={event => setSearch(event.target.value)} />
      {groups.map(({ title, starters }) => (
        <details key={title} open>
          <summary>{title}</summary>
          <ul>
            {starters.filter(found).map(starter => (
              <li key={nameOf(starter)}>
                <button type="button" disabled={!queryEditor || !variableEditor} onClick={() => open(starter)}>
                  <b>{nameOf(starter)}</b>
                  <span>{starter.about}</span>
                  {role && !starter.as.includes(role as never) && <em>for {starter.as.join(', ')}</em>}
                </button>
              </li>
            ))}
          </ul>
        </details>
      ))}
    </section>
  )
}

const Icon = () => (
  <svg viewBox="0 0 24 24" width="1em" height="1em" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
    <path d="M13 2 5 14h6l-1 8 8-12h-6z" />
  </svg>
)

export const OPERATIONS: GraphiQLPlugin = { title: 'Operations', content: Operations, icon: Icon }
