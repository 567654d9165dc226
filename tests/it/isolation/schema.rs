//! The schema, read: how to ask for everything that a root field can show, what the arguments of a request touch of it, and
//! which fields an answer has shown.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use async_graphql::parser::types::{BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind};
use serde_json::Value;

use crate::contract::{fields, inputs, types};

/// How many objects deep is asked: from a list of leads to who has claimed each, from an event to the claim in an entry.
const DEPTH: usize = 5;
const ROOTS: [&str; 3] = ["Query", "Mutation", "Subscription"];

static TYPES: LazyLock<BTreeMap<String, TypeDefinition>> =
    LazyLock::new(|| types().into_iter().map(|found| (found.name.node.to_string(), found)).collect());

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

/// The object types that a value of this type can be; none for what has no fields.
fn possible(name: &str) -> Vec<&'static str> {
    let implements = |definition: &TypeDefinition| match &definition.kind {
        TypeKind::Object(object) => object.implements.iter().any(|interface| interface.node == name),
        _ => false,
    };
    let Some((known, definition)) = TYPES.get_key_value(name) else { return Vec::new() };
    match &definition.kind {
        TypeKind::Object(_) => vec![known],
        TypeKind::Interface(_) => {
            TYPES.iter().filter(|(_, one)| implements(one)).map(|(name, _)| name.as_str()).collect()
        }
        TypeKind::Union(union) => union.members.iter().map(|member| member.node.as_str()).collect(),
        _ => Vec::new(),
    }
}

/// Everything that can be asked of a type, but for what would come back to a type that is being asked already.
fn selection(name: &'static str, path: &[&'static str]) -> String {
    let within = [path, &[name]].concat();
    let of = |object: &'static str| {
        let wanted = fields(&TYPES[object]).into_iter().filter_map(|field| wanted(object, &field, &within));
        wanted.collect::<Vec<_>>().join(" ")
    };
    match possible(name)[..] {
        [only] if only == name => format!("__typename {}", of(only)),
        ref several => {
            let parts = several.iter().map(|one| format!("... on {one} {{ {} }}", of(one)));
            format!("__typename {}", parts.collect::<Vec<_>>().join(" "))
        }
    }
}

fn wanted(of: &str, field: &FieldDefinition, path: &[&'static str]) -> Option<String> {
    let (name, kind) = (&field.name.node, named(&field.ty.node));
    let needed = field.arguments.iter().find(|one| !one.node.ty.node.nullable && one.node.default_value.is_none());
    assert!(needed.is_none(), "{of}.{name} needs an argument: say here which");
    if possible(kind).is_empty() {
        return Some(name.to_string());
    }
    let (kind, _) = TYPES.get_key_value(kind).expect("a type of the schema");
    if path.contains(&kind.as_str()) || path.len() >= DEPTH {
        return None;
    }
    // The rows of a list are asked for everything in its `nodes`; in its `edges` they are the same.
    let path = if of.ends_with("Edge") { &[path, &[""; DEPTH]].concat() } else { path };
    Some(format!("{name} {{ {} }}", selection(kind, path)))
}

fn root(coordinate: &str) -> (&str, FieldDefinition) {
    let (root, name) = coordinate.split_once('.').expect("a root and a field");
    let field = fields(&TYPES[root]).into_iter().find(|field| field.name.node == name);
    (root, field.unwrap_or_else(|| panic!("there is no {coordinate}")))
}

/// The name of `Query.lead` in an answer.
pub fn name(coordinate: &str) -> &str {
    coordinate.split_once('.').expect("a root and a field").1
}

/// The operation that asks a root field for everything, with these arguments as its variables.
pub fn document(coordinate: &str, arguments: &Value) -> String {
    let (root, field) = root(coordinate);
    let given = |argument: &&InputValueDefinition| arguments.get(argument.name.node.as_str()).is_some();
    let (mut declared, mut passed) = (Vec::new(), Vec::new());
    for argument in field.arguments.iter().map(|argument| &argument.node).filter(given) {
        let (name, ty) = (&argument.name.node, &argument.ty.node);
        declared.push(format!("${name}: {ty}"));
        passed.push(format!("{name}: ${name}"));
    }
    let in_brackets = |list: &[String]| if list.is_empty() { String::new() } else { format!("({})", list.join(", ")) };
    let (declared, passed) = (in_brackets(&declared), in_brackets(&passed));
    let kind = named(&field.ty.node);
    let asked = match TYPES.get_key_value(kind) {
        Some((kind, _)) if !possible(kind).is_empty() => format!(" {{ {} }}", selection(kind, &[])),
        _ => String::new(),
    };
    format!("{} All{declared} {{ {}{passed}{asked} }}", root.to_lowercase(), field.name.node)
}

/// What can be shown: `Lead.title`.
pub fn outputs() -> BTreeSet<String> {
    let objects = TYPES.values().filter(|one| matches!(one.kind, TypeKind::Object(_)));
    let of = |one: &TypeDefinition| {
        let name = one.name.node.clone();
        fields(one).into_iter().map(move |field| format!("{name}.{}", field.name.node))
    };
    objects.flat_map(of).collect()
}

/// What can be sent: `Query.lead(id:)`, `LeadFilter.country`.
pub fn sendable() -> BTreeSet<String> {
    let of_roots = ROOTS.iter().flat_map(|root| {
        fields(&TYPES[*root]).into_iter().flat_map(move |field| {
            let name = field.name.node.clone();
            field.arguments.into_iter().map(move |argument| format!("{root}.{name}({}:)", argument.node.name.node))
        })
    });
    let of_inputs = TYPES
        .values()
        .flat_map(|one| inputs(one).into_iter().map(move |field| format!("{}.{}", one.name.node, field.name.node)));
    of_roots.chain(of_inputs).collect()
}

/// What of it these arguments send.
pub fn sent(coordinate: &str, arguments: &Value) -> BTreeSet<String> {
    let (_, field) = root(coordinate);
    let mut sent = BTreeSet::new();
    for (name, value) in arguments.as_object().into_iter().flatten() {
        let argument = field.arguments.iter().find(|argument| argument.node.name.node == *name);
        let argument = argument.unwrap_or_else(|| panic!("{coordinate} has no argument {name}"));
        sent.insert(format!("{coordinate}({name}:)"));
        send(named(&argument.node.ty.node), value, &mut sent);
    }
    sent
}

fn send(kind: &str, value: &Value, sent: &mut BTreeSet<String>) {
    let Some(definition) = TYPES.get(kind).filter(|found| matches!(found.kind, TypeKind::InputObject(_))) else {
        return;
    };
    for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
        for field in inputs(definition) {
            if let Some(value) = value.get(field.name.node.as_str()) {
                sent.insert(format!("{kind}.{}", field.name.node));
                send(named(&field.ty.node), value, sent);
            }
        }
    }
}

/// Adds the fields that have shown something in an answer: neither null nor an empty list.
pub fn seen(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| seen(value, found)),
        Value::Object(object) => {
            for (name, value) in object {
                if let (Some(kind), false) = (object.get("__typename").and_then(Value::as_str), is_nothing(value)) {
                    found.insert(format!("{kind}.{name}"));
                }
                seen(value, found);
            }
        }
        _ => {}
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

#[test]
fn everything_of_a_type_is_asked_and_nothing_twice_on_one_way() {
    let lead = document("Query.lead", &serde_json::json!({ "id": "x" }));
    assert!(lead.starts_with("query All($id: ID!) { lead(id: $id) { __typename "), "{lead}");
    assert!(lead.contains("contact { __typename address email name phone }"), "{lead}");
    assert_eq!(lead.matches("duplicateOf").count(), 1, "{lead}");
    let event = document("Subscription.events", &Value::Null);
    assert!(event.starts_with("subscription All { events { __typename ... on BalanceUpdatedEvent {"), "{event}");
    assert_eq!(document("Query.streamCursor", &Value::Null), "query All { streamCursor }");
    for root in crate::contract::root_fields() {
        let length = document(&root, &Value::Null).len();
        assert!(length < 60_000, "{root} is asked in {length} bytes: more than a socket takes");
    }
}
