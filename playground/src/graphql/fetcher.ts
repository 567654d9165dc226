// How GraphiQL reaches the API: queries and mutations over HTTP, subscriptions over graphql-ws, both with the headers pane.

import type { Fetcher } from '@graphiql/toolkit'
import { type DocumentNode, type ExecutionResult, getOperationAST, Kind, parse } from 'graphql'

import { ask } from '../shared/http'
import { remember } from '../shared/ids'
import { subscribe } from '../shared/live'
import { authorization } from '../shared/session'
import { schemaIs } from './schema'

const INTROSPECTION = 'IntrospectionQuery'

const parsed = (query: string): DocumentNode | null => {
  try {
    return parse(query)
  } catch {
    return null
  }
}

/** The one that is meant. GraphiQL may still have the name of the one before, of a document that has just been put in. */
function operationOf(query: string, name: string | null | undefined) {
  const document = parsed(query)
  const operations = document?.definitions.filter(definition => definition.kind === Kind.OPERATION_DEFINITION) ?? []
  const named = document && name ? getOperationAST(document, name) : null
  return named ?? (operations.length === 1 ? operations[0] : null)
}

const lowered = (headers: Record<string, unknown> | undefined) =>
  Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]))

async function introspect(query: string, headers: Record<string, string>): Promise<ExecutionResult> {
  if (!headers.authorization && !await authorization()) {
    schemaIs('wants a token')
    return { errors: [{ message: 'The schema is not shown without a token.' } as never] }
  }
  const answer = await ask({ query, operationName: INTROSPECTION }, headers)
  schemaIs(answer.data ? 'known' : answer.errors?.map(error => error.message).join(' ') || 'The schema was not told.')
  return answer
}

export const fetcher: Fetcher = async ({ query, variables, operationName }, options) => {
  const headers = lowered(options?.headers)
  if (operationName === INTROSPECTION) return introspect(query, headers) as never
  const operation = operationOf(query, operationName)
  const request = { query, variables: variables as Record<string, unknown> ?? {}, operationName: (operation ? operation.name?.value : operationName) ?? null }
  if (operation?.operation !== 'subscription') {
    const answer = await ask(request, headers)
    remember(answer.data)
    return answer
  }
  return {
    subscribe(observer: { next(result: ExecutionResult): void; complete(): void }) {
      const next = (result: ExecutionResult) => {
        remember(result.data)
        observer.next(result)
      }
      return { unsubscribe: subscribe(request, headers, { next, complete: () => observer.complete() }) }
    },
  } as never
}
