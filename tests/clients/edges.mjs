// Requests at the edges of the grammar and of coercion, by hand: `[query, variables as JSON text, operationName]`.

const create = value => `mutation { updateTenantSettings(input: ${value}) { userErrors { code } } }`
const search = literal => `{ users(search: ${literal}) { nodes { id } } }`
const size = literal => `{ leads(first: ${literal}) { nodes { id } } }`
const user = literal => `{ user(id: ${literal}) { id } }`
const since = literal => `{ leads(filter: {createdAfter: ${literal}}) { nodes { id } } }`
const price = literal => `{ leads(filter: {maxPrice: ${literal}}) { nodes { id } } }`

const literals = [
  ...['""', '"a"', '"\\u00e9"', '"\\u{1F600}"', '"\\u{0}"', '"\\u{D83D}"', '"\\uD83D\\uDE00"', '"\\uD83D"', '"\\uDE00"', '"\\u{110000}"', '"\\u{}"', '"\\u12"',
    '"\\x"', '"\\b\\f\\n\\r\\t\\/\\\\\\""', '"a\nb"', '"a\tb"', '"\u0001"', '"\u007f"', '"\u2028"', '"unfinished', '"""block"""', '"""\n  two\n    lines\n"""',
    '"""with \\""" and "quotes" in it"""', '"""unfinished""', '""""""', '"""\\u00e9 \\x"""', '"😀"', "'a'", '1', '1.5', 'true', 'null', 'WORD', '[]', '["a"]', '{}', '"a" "b"'].map(search),
  ...['0', '-0', '1', '00', '01', '-1', '+1', '1.', '.5', '1.0', '1e1', '1E+1', '0x1', '1a', '1_000', '2147483647', '2147483648', '-2147483648', '-2147483649',
    '1.5e', '"1"', 'true', 'null', 'ONE', '[1]', '{}', '$n'].map(size),
  ...['"x"', '7', '-7', '1.5', '1.0', 'true', 'X', '[]', '{}', 'null', '["x"]', '[7]', '9007199254740993'].map(user),
  ...['"2026-11-20T09:00:00Z"', '"2026-11-20T11:00:00+02:00"', '"yesterday"', '"2026-11-20"', '""', '7', 'true', 'NOW', '["2026-11-20T09:00:00Z"]', '{}', 'null'].map(since),
  ...['1', '-1', '1.0', '1.5', '1e3', '9007199254740993', '99999999999999999999999', '1e400', '"1"', 'true', 'ONE', '[1]', '{}', 'null'].map(price),
]

const variables = (type, use, values) => values.map(value => [`query ($v: ${type}) { ${use} { __typename } }`, `{"v": ${value}}`])

export const edges = [
  ...literals.map(query => [query]),
  ...variables('Int', 'leads(first: $v)', ['1', '1.0', '1e0', '1.5', '"1"', 'true', 'null', '[]', '[1]', '{}', '2147483647', '2147483648', '-0', '1e30', '2147483648.0']),
  ...variables('ID!', 'user(id: $v)', ['"x"', '""', '7', '7.0', '7.5', '-7', '1e30', '18446744073709551615', 'true', 'null', '[]', '["x"]', '{}']),
  ...variables('[ID!]', 'events(after: "", leadIds: $v)', ['null']),
  ...variables('String', 'users(search: $v)', ['"x"', '7', '1.5', 'true', 'null', '[]', '["x"]', '{}', '"\\ud83d\\ude00"']),
  ...variables('Boolean', 'notifications(filter: {unread: $v})', ['true', '0', '"true"', 'null', '[]', '[true]', '{}']),
  ...variables('[LeadStatus!]', 'leads(filter: {statuses: $v})', ['["OPEN"]', '"OPEN"', '["open"]', '["NOPE"]', '[null]', 'null', '[["OPEN"]]', '[0]', 'true', '{}', '[]']),
  ...variables('LeadFilter', 'leads(filter: $v)', ['{}', 'null', '[]', '"x"', '{"nope": 1}', '{"available": "yes"}', '{"attributes": {"key": "a", "in": "b"}}', '{"attributes": [{"key": "a"}]}', '{"attributes": [null]}', '{"createdAfter": 7}', '{"maxPrice": 1.5}', '{"maxPrice": 1.0}', '{"maxPrice": "1"}']),
  ...variables('DateTime', 'leads(filter: {createdAfter: $v})', ['"2026-11-20T09:00:00Z"', '"tomorrow"', '7', 'null', '{}', '[]', '["2026-11-20T09:00:00Z"]', 'true']),
  ...variables('PageCursor', 'leads(after: $v)', ['"x"', '7', 'null', '{}', '[]', 'true']),
  ...variables('Cursor!', 'events(after: $v)', ['"x"', '7', 'null', '{}', '[]', 'true', '""']),
  [create('{}')],
  ['', '{}'], [' ', '{}'], ['#', '{}'], ['{}', '{}'], ['{ }', '{}'], ['{ viewer { } }'], ['{ viewer { id } }', 'null'], ['{ __typename }'], ['query { __typename }'],
  ['{ __typename }', '{"unasked": 1}'], ['{ a: __typename b: __typename }'], ['query Q { __typename }', '{}', 'Q'], ['query Q { __typename }', '{}', 'R'],
  ['{ __typename }', '{}', 'Q'], ['query Q { __typename } query R { __typename }'], ['query Q { __typename } query R { __typename }', '{}', 'R'],
  ['{ __typename } { __typename }'], ['{ __typename } query Q { __typename }', '{}', 'Q'], ['query ($a: Int) { __typename }'], ['query ($a: Int, $a: Int) { leads(first: $a) { totalCount } }'],
  ['query () { __typename }'], ['query Q() { __typename }'], ['{ viewer() { id } }'], ['{ viewer { id, id, id } }'], ['{ viewer { id id: name } }'], ['{ viewer { ...on User { id } } }'],
  ['{ viewer { ... @include(if: true) { id } } }'], ['{ viewer { ... { id } } }'], ['{ viewer { ...on on User { id } } }'], ['{ ...on } fragment on on Query { __typename }'],
  ['fragment F on Query { __typename }'], ['{ ...F } fragment F on Query { ...F }'], ['{ ...F }'], ['{ __schema { queryType { name } } }'], ['{ __type(name: "Lead") { name } }'],
  ['{ __type { name } }'], ['mutation { __typename }'], ['mutation { __schema { queryType { name } } }'], ['subscription { __typename }'], ['subscription { leadCreated { __typename } }'],
  ['subscription { a: leadCreated { __typename } }'], ['subscription { leadCreated { __typename } leadClaimed { __typename } }'],
  ['subscription { leadCreated { __typename } ...F } fragment F on Subscription { leadClaimed { __typename } }'], ['subscription { leadCreated @skip(if: false) { __typename } }'],
  ['subscription { leadCreated { __typename } leadCreated { cursor } }'], ['subscription { ... @include(if: true) { leadCreated { __typename } } }'],
  ['query ($s: Boolean) { __typename @skip(if: $s) }', '{"s": true}'], ['query ($s: Boolean!) { __typename @skip(if: $s) }', '{"s": true}'],
  ['query ($s: Boolean = true) { __typename @skip(if: $s) }'], ['query ($s: Boolean = null) { __typename @skip(if: $s) }', '{"s": true}'], ['query ($s: Boolean = true) { __typename @skip(if: $s) }', '{"s": null}'],
  ['query ($s: Boolean!) { __typename @skip(if: $s) }', '{"s": "true"}'], ['query ($s: Boolean!) { __typename @skip(if: $s) }', '{}'],
  ['query @skip(if: true) { __typename }'], ['{ __typename @deprecated }'], ['{ __typename @include }'], ['{ __typename @include(if: true) @skip(if: false) }'], ['{ __typename @include(if: true) @include(if: true) }'],
  ['query ($n: Int = 3) { leads(first: $n) { totalCount } }'], ['query ($n: Int = 3) { leads(first: $n) { totalCount } }', '{"n": null}'], ['query ($n: Int! = 3) { leads(first: $n) { totalCount } }', '{"n": null}'],
  ['query ($n: Int! = null) { leads(first: $n) { totalCount } }'], ['query ($n: Int = "3") { leads(first: $n) { totalCount } }'], ['query ($n: Int = $m, $m: Int) { leads(first: $n) { totalCount } }'],
  ['query ($f: LeadFilter) { leads(filter: $f) { totalCount } }', '{"f": {"statuses": "OPEN"}}'], ['query ($s: LeadStatus!) { leads(filter: {statuses: [$s]}) { totalCount } }', '{"s": "OPEN"}'],
  ['query ($s: LeadStatus) { leads(filter: {statuses: [$s]}) { totalCount } }', '{"s": "OPEN"}'], ['query ($s: [LeadStatus!]) { leads(filter: {statuses: [$s]}) { totalCount } }', '{"s": ["OPEN"]}'],
  ['query ($s: LeadStatus!) { leads(filter: {statuses: $s}) { totalCount } }', '{"s": "OPEN"}'], ['{ leads(filter: {available: true, available: true}) { totalCount } }'], ['{ leads(first: 1, first: 1) { totalCount } }'],
  ['type T { a: Int }'], ['{ __typename } type T { a: Int }'], ['extend type Query { a: Int }'], ['schema { query: Query }'], ['query query { __typename }'], ['query true { __typename }'], ['query Q { true }'],
  ['{ __typename } # a comment at the end'], ['\uFEFF{ __typename }'], ['{ __typename \uFEFF }'], ['{ __typename }\u0000'], ['{ __typename }\u00a0'], ['{\r__typename\r\n}\r'], [',{,__typename,},'],
  ['{ __typename: __typename }'], ['{ viewer: __typename }'], ['{ a: viewer { id } a: viewer { name } }'], ['{ a: viewer { id } a: leads { totalCount } }'], ['{ viewér { id } }'], ['{ _: __typename }'],
  ['{ lead(id: "\n") { id } }'], ['{ leads(first: -0) { totalCount } }'], ['{ viewer { id }', '{}'], ['{ viewer { id } }}'], ['{{ viewer { id } }}'], ['{ viewer: { id } }'], ['{ viewer { id: } }'], ['{ leads(first) { totalCount } }'], ['{ leads(first:) { totalCount } }'], ['{ ...  }'],
  ['query ($v) { __typename }'], ['query ($v: ) { __typename }'], ['query ($v: [Int) { __typename }'], ['query ($v: Int!!) { __typename }'], ['query (v: Int) { __typename }'], ['query Q ($v: Int @nope) { leads(first: $v) { totalCount } }'],
].map(([query, variables = '{}', operationName]) => ({ query, raw: variables, variables: JSON.parse(variables), operationName }))
