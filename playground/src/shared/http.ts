// Operations over HTTP.

import type { ExecutionResult } from 'graphql'

import { api } from './address'
import { authorization, canRenew } from './session'

export type Request = { query: string; variables?: unknown; operationName?: string | null }

const problem = (message: string): ExecutionResult => ({ errors: [{ message } as never] })

async function send(request: Request, headers: Record<string, string>, token: string | undefined): Promise<Response> {
  return fetch(api(), {
    method: 'POST',
    headers: {
      accept: 'application/graphql-response+json, application/json;q=0.9',
      'content-type': 'application/json',
      ...(token && { authorization: token }),
      ...headers,
    },
    body: JSON.stringify(request),
  })
}

/** As whoever is chosen, unless the headers (in lower case) say otherwise. What goes wrong is an answer, too. */
export async function ask(request: Request, headers: Record<string, string> = {}): Promise<ExecutionResult> {
  let answer
  try {
    answer = await send(request, headers, await authorization())
    if (answer.status === 401 && canRenew() && !headers.authorization) {
      answer = await send(request, headers, await authorization(true))
    }
  } catch (error) {
    return problem(`The server does not answer: ${error instanceof Error ? error.message : error}`)
  }
  const text = await answer.text()
  try {
    return JSON.parse(text)
  } catch {
    return problem(`The answer (${answer.status}) is no JSON: ${text.slice(0, 500)}`)
  }
}
