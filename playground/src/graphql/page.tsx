// GraphiQL with a bar on top, and a pane of operations to begin with.

import { DOC_EXPLORER_PLUGIN, DocExplorerStore } from '@graphiql/plugin-doc-explorer'
import { explorerPlugin } from '@graphiql/plugin-explorer'
import { HISTORY_PLUGIN, HistoryStore } from '@graphiql/plugin-history'
import { GraphiQLProvider, useGraphiQL, useGraphiQLActions } from '@graphiql/react'
import { GraphiQLInterface } from 'graphiql'
import { useEffect, useRef } from 'react'

import { hangUp } from '../shared/live'
import { identityOf, useSession } from '../shared/session'
import { Bar } from './bar'
import { fetcher } from './fetcher'
import { OPERATIONS } from './operations'
import { useSchema } from './schema'
import { useLooking } from './viewer'
import { welcome } from './welcome'

const PLUGINS = [DOC_EXPLORER_PLUGIN, OPERATIONS, explorerPlugin(), HISTORY_PLUGIN]

/** Somebody else: what runs ends, the next subscription gets a socket of its own, and the schema is asked for where it is missing. */
function useChange() {
  const identity = identityOf(useSession())
  const last = useRef(identity)
  const { stop, introspect } = useGraphiQLActions()
  const known = useGraphiQL(state => Boolean(state.schema))
  useEffect(() => {
    if (last.current === identity) return
    last.current = identity
    stop()
    hangUp()
    if (!known) void introspect()
  }, [identity, known, stop, introspect])
}

/** The panes are narrow. */
function useFitting() {
  const editors = useGraphiQL(state => [state.queryEditor, state.variableEditor, state.headerEditor, state.responseEditor])
  useEffect(() => {
    for (const editor of editors) editor?.updateOptions({ fontSize: 13, wordWrap: 'on' })
  }, [editors])
}

function Notice() {
  const schema = useSchema()
  const { tokens, problem } = useSession()
  if (problem) return <p className="notice" role="alert">{problem}</p>
  if (schema === 'awaited' || schema === 'known') return null
  if (schema === 'wants a token') {
    return (
      <p className="notice" role="alert">
        Paste a token above, or into the headers pane as {'{ "Authorization": "Bearer …" }'}: nothing is answered without one, not
        even for the schema. <code>leadcast token --tenant … --user … --role …</code> prints one.
      </p>
    )
  }
  return (
    <p className="notice" role="alert">
      Without the schema there are no docs, no completion and no explorer; operations run all the same. The server says: “{schema}”
      {!tokens.length && <> An operator switches it on with <code>LEADCAST_INTROSPECTION=on</code>.</>}
    </p>
  )
}

function Inside() {
  useChange()
  useLooking()
  useFitting()
  const known = useGraphiQL(state => Boolean(state.schema))
  return (
    <>
      <Bar />
      <Notice />
      <main data-schema={known ? 'known' : 'missing'}><GraphiQLInterface showPersistHeadersSettings={false} defaultEditorToolsVisibility="variables" /></main>
    </>
  )
}

export function Page() {
  if (!useSession().ready) return <p className="starting">GraphiQL is starting …</p>
  return (
    <GraphiQLProvider
      fetcher={fetcher} plugins={PLUGINS} referencePlugin={DOC_EXPLORER_PLUGIN} visiblePlugin={OPERATIONS}
      defaultTabs={[{ query: welcome }]} inputValueDeprecation schemaDescription
    >
      <HistoryStore>
        <DocExplorerStore>
          <Inside />
        </DocExplorerStore>
      </HistoryStore>
    </GraphiQLProvider>
  )
}
