// What may be wrong with a document: each takes a good one apart at one place. One that finds no place for itself returns nothing.

import {
  Kind, TypeInfo, getNamedType, isEnumType, isInputObjectType, isLeafType, isRequiredArgument, parse, print, visit, visitWithTypeInfo,
} from 'graphql'

const name = value => ({ kind: Kind.NAME, value })
const int = value => ({ kind: Kind.INT, value })
const text = value => ({ kind: Kind.STRING, value })
const argument = (of, value) => ({ kind: Kind.ARGUMENT, name: name(of), value })
const directive = (of, args = []) => ({ kind: Kind.DIRECTIVE, name: name(of), arguments: args })
const field = of => ({ kind: Kind.FIELD, name: name(of), arguments: [], directives: [] })
const spread = of => ({ kind: Kind.FRAGMENT_SPREAD, name: name(of), directives: [] })
const set = selections => ({ kind: Kind.SELECTION_SET, selections })
const typed = of => ({ kind: Kind.NAMED_TYPE, name: name(of) })
const inline = (on, selections) => ({ kind: Kind.INLINE_FRAGMENT, typeCondition: typed(on), directives: [], selectionSet: set(selections) })
const fragment = (of, on, selections) => ({ kind: Kind.FRAGMENT_DEFINITION, name: name(of), typeCondition: typed(on), directives: [], selectionSet: set(selections) })
const variable = (of, type) => ({ kind: Kind.VARIABLE_DEFINITION, variable: { kind: Kind.VARIABLE, name: name(of) }, type, directives: [] })
const literal = value => parse(`{ a(b: ${value}) }`, { noLocation: true }).definitions[0].selectionSet.selections[0].arguments[0].value

/** Nodes of a kind, with what the schema says of their places. */
function nodes(schema, document, ...kinds) {
  const info = new TypeInfo(schema)
  const found = []
  visit(document, visitWithTypeInfo(info, {
    enter(node, key, parent) {
      if (kinds.includes(node.kind)) {
        found.push({
          node, beside: parent, type: info.getInputType(), output: info.getType(), parentType: info.getParentType(),
          definition: info.getFieldDef(), of: info.getArgument() ?? info.getDirective(),
        })
      }
    },
  }))
  return found
}

const wrong = ['7', '-1.5', '2147483648', '"wrong"', '""', 'true', 'null', 'WRONG', '[]', '[[7]]', '["a", 7]', '{}', '{nope: 1}', '$nope', '1e999', '99999999999999999999999']
const wrongJson = [7, -1.5, 2147483648, 1e30, 'wrong', '', true, null, [], [[7]], ['a', 7], {}, { nope: 1 }, [null], 'OPEN', '7']

const remove = (list, one) => list.splice(list.indexOf(one), 1)
const operations = document => document.definitions.filter(one => one.kind === Kind.OPERATION_DEFINITION)

/** By name: `(draw, document, request, schema)`, where `draw(kinds…)` finds a place. They change what they are given. */
export const semantic = {
  unknownField: ({ one }) => { const found = one(Kind.FIELD); if (found) found.node.name = name('nope') },
  otherField: ({ one, random, schema }) => {
    const found = one(Kind.FIELD)
    const types = Object.values(schema.getTypeMap()).filter(type => type.getFields && !isInputObjectType(type))
    if (found) found.node.name = name(random.of(Object.keys(random.of(types).getFields())) ?? 'nope')
  },
  unknownArgument: ({ one }) => { one(Kind.FIELD)?.node.arguments.push(argument('nope', int('1'))) },
  unknownArgumentOfDirective: ({ one }) => { one(Kind.DIRECTIVE)?.node.arguments.push(argument('nope', int('1'))) },
  unknownCondition: ({ one }) => { one(Kind.SELECTION_SET)?.node.selections.push(inline('Nope', [field('id')])) },
  unknownTypeOfVariable: ({ one, random }) => { const found = one(Kind.VARIABLE_DEFINITION); if (found) found.node.type = typed(random.of(['Nope', 'Query', 'Lead', 'Event'])) },
  unknownFragment: ({ one }) => { one(Kind.SELECTION_SET)?.node.selections.push(spread('Nope')) },
  unknownDirective: ({ one }) => { one(Kind.FIELD, Kind.INLINE_FRAGMENT, Kind.OPERATION_DEFINITION)?.node.directives.push(directive('nope')) },
  misplacedDirective: ({ one, random }) => {
    const place = one(Kind.FIELD, Kind.OPERATION_DEFINITION, Kind.VARIABLE_DEFINITION, Kind.FRAGMENT_DEFINITION)
    place?.node.directives.push(random.of([
      directive('deprecated'), directive('oneOf'), directive('specifiedBy', [argument('url', text('x'))]),
      directive('include', [argument('if', literal('true'))]),
    ]))
  },
  repeatedDirective: ({ one }) => { one(Kind.FIELD)?.node.directives.push(...[1, 2].map(() => directive('skip', [argument('if', literal('false'))]))) },
  directiveWithoutItsArgument: ({ one }) => { one(Kind.FIELD)?.node.directives.push(directive('include')) },
  selectionOfLeaf: ({ all, random }) => {
    const found = random.of(all(Kind.FIELD).filter(one => !one.node.selectionSet))
    if (found) found.node.selectionSet = set([field('__typename')])
  },
  noSelection: ({ all, random }) => {
    const found = random.of(all(Kind.FIELD).filter(one => one.node.selectionSet))
    if (found) delete found.node.selectionSet
  },
  missingArgument: ({ all, random }) => {
    const found = random.of(all(Kind.FIELD).filter(one => one.definition?.args.some(isRequiredArgument)))
    if (found) found.node.arguments = []
  },
  missingField: ({ all, random }) => {
    const found = random.of(all(Kind.OBJECT).filter(one => one.node.fields.length))
    if (found) remove(found.node.fields, random.of(found.node.fields))
  },
  nullArgument: ({ one }) => { const found = one(Kind.ARGUMENT); if (found) found.node.value = literal('null') },
  twiceTheArgument: ({ one }) => { const found = one(Kind.ARGUMENT); if (found) found.beside.push?.(found.node) },
  twiceTheField: ({ one }) => { const found = one(Kind.OBJECT_FIELD); if (found) found.beside.push?.(found.node) },
  unknownInputField: ({ one }) => { one(Kind.OBJECT)?.node.fields.push({ kind: Kind.OBJECT_FIELD, name: name('nope'), value: int('1') }) },
  twiceTheVariable: ({ one }) => { const found = one(Kind.VARIABLE_DEFINITION); if (found) found.beside.push?.(found.node) },
  twiceTheOperation: ({ document }) => { const [first] = operations(document); first.name ??= name('Twice'); document.definitions.push(first) },
  twiceTheFragment: ({ one, document }) => { const found = one(Kind.FRAGMENT_DEFINITION); if (found) document.definitions.push(found.node) },
  besideAnAnonymousOne: ({ document }) => { document.definitions.push(...parse('{ __typename }', { noLocation: true }).definitions) },
  unusedFragment: ({ document }) => { document.definitions.push(fragment('Unused', 'Query', [field('__typename')])) },
  cyclicFragments: ({ document, operation, rootType }) => {
    operation.selectionSet.selections.push(spread('Round'))
    document.definitions.push(fragment('Round', rootType, [spread('AndRound')]), fragment('AndRound', rootType, [field('__typename'), spread('Round')]))
  },
  fragmentOnLeaf: ({ one, random, schema }) => {
    const types = Object.values(schema.getTypeMap()).filter(type => isLeafType(type) || isInputObjectType(type))
    one(Kind.SELECTION_SET)?.node.selections.push(inline(random.of(types).name, [field('id')]))
  },
  impossibleSpread: ({ one, random, schema }) => {
    const types = Object.values(schema.getTypeMap()).filter(type => type.getFields && !isInputObjectType(type))
    one(Kind.SELECTION_SET)?.node.selections.push(inline(random.of(types).name, [field('__typename')]))
  },
  conflict: ({ all, random }) => {
    const sets = all(Kind.SELECTION_SET).filter(one => Object.keys(one.output && getNamedType(one.output).getFields?.() || {}).length > 1)
    const found = random.of(sets)
    if (!found) return
    const leaves = Object.values(getNamedType(found.output).getFields()).filter(one => isLeafType(getNamedType(one.type)) && !one.args.some(isRequiredArgument))
    const [a, b] = [random.of(leaves), random.of(leaves)]
    if (a && b) found.node.selections.push({ ...field(a.name), alias: name('clash') }, { ...field(b.name), alias: name('clash') })
  },
  conflictOfArguments: ({ all, random }) => {
    const found = random.of(all(Kind.FIELD).filter(one => one.node.arguments.length && Array.isArray(one.beside)))
    if (!found) return
    const other = structuredClone(found.node)
    other.arguments = random.maybe(0.5) ? [] : other.arguments
    found.beside.push(other)
  },
  otherTypeOfVariable: ({ one, random }) => {
    const found = one(Kind.VARIABLE_DEFINITION)
    if (!found) return
    const { type } = found.node
    const inner = type.kind === Kind.NON_NULL_TYPE ? type.type : type
    found.node.type = random.of([
      inner, { kind: Kind.LIST_TYPE, type }, inner.kind === Kind.LIST_TYPE ? inner.type : inner, typed('Int'), typed('String'), typed('ID'), typed('LeadFilter'),
      { kind: Kind.NON_NULL_TYPE, type: inner }, { kind: Kind.LIST_TYPE, type: { kind: Kind.NON_NULL_TYPE, type: typed('ID') } },
    ])
  },
  defaultNull: ({ one }) => { const found = one(Kind.VARIABLE_DEFINITION); if (found) found.node.defaultValue = literal('null') },
  wrongDefault: ({ one, random }) => { const found = one(Kind.VARIABLE_DEFINITION); if (found) found.node.defaultValue = literal(random.of(wrong.filter(one => one !== '$nope'))) },
  unusedVariable: ({ operation }) => { (operation.variableDefinitions ??= []).push(variable('unused', typed('Int'))) },
  undefinedVariable: ({ all, random, operation }) => {
    const found = random.of(all(Kind.VARIABLE).filter(one => one.type))
    if (found) remove(operation.variableDefinitions, operation.variableDefinitions.find(one => one.variable.name.value === found.node.name.value))
  },
  secondRoot: ({ operation, random, schema }) => {
    const fields = Object.values(schema.getSubscriptionType().getFields()).map(one => one.name)
    operation.operation = 'subscription'
    const event = of => ({ ...field(of), selectionSet: set([field('__typename')]) })
    const second = random.of([field('__typename'), { ...event(random.of(fields)), alias: name('second') }, inline('Subscription', [{ ...event('events'), alias: name('more') }])])
    operation.selectionSet = set([event('leadCreated'), second])
    operation.variableDefinitions = []
    return { fresh: true }
  },
  wrongLiteral: ({ all, random }) => {
    const places = all(Kind.ARGUMENT, Kind.OBJECT_FIELD)
    const found = random.of(places)
    if (found) found.node.value = literal(random.of(wrong))
  },
  wrongEnum: ({ all, random }) => {
    const found = random.of(all(Kind.ENUM).filter(one => isEnumType(getNamedType(one.type))))
    if (found) Object.assign(found.node, random.maybe(0.5) ? { value: 'NOPE' } : { ...text(found.node.value), block: false })
  },
  twoOfOne: ({ all, random }) => {
    const found = random.of(all(Kind.OBJECT).filter(one => getNamedType(one.type)?.isOneOf))
    if (!found) return
    const fields = Object.keys(getNamedType(found.type).getFields())
    const given = of => ({ kind: Kind.OBJECT_FIELD, name: name(of), value: literal('null') })
    random.of([() => found.node.fields.push(given(random.of(fields))), () => { found.node.fields = [] }, () => { found.node.fields = [given(fields[0])] }])()
  },
  definitionOfType: ({ document }) => { document.definitions.push(...parse('type Nope { id: ID }', { noLocation: true }).definitions) },
}

/** What is wrong with the request beside its document. */
export const requests = {
  unknownOperation: ({ request }) => { request.operationName = 'Nope' },
  noOperation: ({ request, document }) => { document.definitions.push(...parse('query Second { __typename }', { noLocation: true }).definitions); delete request.operationName },
  missingVariable: ({ request, random }) => { const found = random.of(Object.keys(request.variables)); if (found) delete request.variables[found] },
  wrongVariable: ({ request, random }) => {
    const found = random.of(Object.keys(request.variables))
    if (!found) return
    // At some depth.
    let [at, key] = [request.variables, found]
    while (typeof at[key] === 'object' && at[key] && Object.keys(at[key]).length && random.maybe(0.7)) [at, key] = [at[key], random.of(Object.keys(at[key]))]
    at[key] = random.of(wrongJson)
  },
  nullVariable: ({ request, random }) => { const found = random.of(Object.keys(request.variables)); if (found) request.variables[found] = null },
  fieldOfVariable: ({ request, random }) => {
    const found = random.of(Object.entries(request.variables).filter(([, value]) => value && typeof value === 'object' && !Array.isArray(value)))
    if (found) random.maybe(0.5) ? (found[1].nope = 1) : delete found[1][random.of(Object.keys(found[1]))]
  },
  unaskedVariable: ({ request }) => { request.variables.unasked = { a: 1 } },
}

/** On the text: what reads it may stumble. The last four say the same in other words. */
export const textual = {
  cut: (query, random) => query.slice(0, random.below(query.length)),
  without: (query, random) => { const at = random.below(query.length); return query.slice(0, at) + query.slice(at + 1) },
  with: (query, random) => {
    const at = random.below(query.length)
    return query.slice(0, at) + random.of(['{', '}', '(', ')', '[', ']', ':', '$', '@', '!', '...', '"', '"""', '\\', '#', '&', '|', '=', '.', '0', '-', '\u0000', '\u0007', '%', 'é', '?', ';', "'"]) + query.slice(at)
  },
  twice: (query, random) => { const at = random.below(query.length); const end = at + random.below(12); return query.slice(0, end) + query.slice(at) },
  mark: query => `\uFEFF${query}`,
  comments: query => `# Begin ünder\n${query.replaceAll(' { ', ' { # "here" {\r\n')}# end`,
  commas: query => `,,${query.replaceAll(' { ', ',{,\t')}`,
  escapes: query => query.replaceAll('"', '"').replace(/"([a-z])/, (_, letter) => `"\\u00${letter.charCodeAt(0).toString(16)}`),
}

/** Applies one of `semantic` or `requests`; `undefined` when nothing has come of it. */
export function mutated(random, schema, request, mutation) {
  const document = parse(request.query, { noLocation: true })
  const changed = structuredClone(request)
  const all = (...kinds) => nodes(schema, document, ...kinds)
  const [operation] = operations(document)
  const rootType = schema.getRootType(operation.operation).name
  const done = mutation({ document, operation, rootType, request: changed, random, schema, all, one: (...kinds) => random.of(all(...kinds)) })
  if (done?.fresh) {
    document.definitions = [operation]
    changed.variables = {}
  }
  changed.query = print(document)
  const before = { ...request, query: print(parse(request.query)) }
  return JSON.stringify(changed) === JSON.stringify(before) ? undefined : changed
}
