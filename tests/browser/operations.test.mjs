// The operations that GraphiQL offers, against schema.graphql.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { buildSchema, getOperationAST, parse, TypeInfo, validate, visit, visitWithTypeInfo } from 'graphql'
import { getVariableValues } from 'graphql/execution/values.js'

import { groups, nameOf, variablesOf } from '../../playground/src/operations/index.js'

const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'))
const starters = groups.flatMap(group => group.starters)

test('each one is valid, and so are its variables', () => {
  for (const starter of starters) {
    const document = parse(starter.text)
    assert.deepEqual(validate(schema, document).map(String), [], starter.text)
    assert.ok(nameOf(starter), starter.text)
    const operation = getOperationAST(document, nameOf(starter))
    const variables = JSON.parse(variablesOf(starter, () => undefined) || '{}')
    const unknown = Object.keys(variables).filter(name => !operation.variableDefinitions.some(({ variable }) => variable.name.value === name))
    assert.deepEqual(unknown, [], nameOf(starter))
    const { errors } = getVariableValues(schema, operation.variableDefinitions, variables)
    assert.deepEqual((errors ?? []).map(String), [], nameOf(starter))
  }
})

test('names are said once', () => {
  assert.deepEqual(new Set(starters.map(nameOf)).size, starters.length)
})

test('every stream and every mutation has one, and so has every query', () => {
  const used = new Set()
  for (const { text } of starters) {
    const info = new TypeInfo(schema)
    visit(parse(text), visitWithTypeInfo(info, {
      Field: () => { used.add(`${info.getParentType().name}.${info.getFieldDef().name}`) },
    }))
  }
  for (const root of [schema.getSubscriptionType(), schema.getMutationType(), schema.getQueryType()]) {
    const missing = Object.keys(root.getFields()).filter(field => !used.has(`${root.name}.${field}`))
    assert.deepEqual(missing, [], root.name)
  }
})

test('places are filled', () => {
  const create = starters.find(starter => nameOf(starter) === 'CreateLead')
  const filled = JSON.parse(variablesOf(create, place => place === 'reference' ? 'x' : undefined))
  assert.equal(filled.input.reference, 'x')
  const places = starters.flatMap(starter => [...JSON.stringify(starter.variables ?? {}).matchAll(/<(\w+)>/g)].map(found => found[1]))
  assert.deepEqual([...new Set(places)].sort(), ['claim', 'cursor', 'delivery', 'lead', 'notification', 'reference', 'tomorrow'])
})
