//! The schema as clients see it: whatever GraphiQL or a generated client shows has a description.

use async_graphql::parser::{
    parse_schema,
    types::{FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind, TypeSystemDefinition},
};

pub fn types() -> Vec<TypeDefinition> {
    let document = parse_schema(leadcast::graphql::sdl()).expect("the exported schema can be read");
    let types = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        _ => None,
    });
    types.collect()
}

/// The names of a root's fields: `Query.lead`.
pub fn root_fields() -> Vec<String> {
    let roots =
        types().into_iter().filter(|found| ["Query", "Mutation", "Subscription"].contains(&found.name.node.as_str()));
    roots
        .flat_map(|root| {
            fields(&root).iter().map(|field| format!("{}.{}", root.name.node, field.name.node)).collect::<Vec<_>>()
        })
        .collect()
}

pub fn fields(definition: &TypeDefinition) -> Vec<FieldDefinition> {
    match &definition.kind {
        TypeKind::Object(object) => object.fields.iter().map(|field| field.node.clone()).collect(),
        TypeKind::Interface(interface) => interface.fields.iter().map(|field| field.node.clone()).collect(),
        _ => Vec::new(),
    }
}

pub fn inputs(definition: &TypeDefinition) -> Vec<InputValueDefinition> {
    match &definition.kind {
        TypeKind::InputObject(object) => object.fields.iter().map(|field| field.node.clone()).collect(),
        _ => Vec::new(),
    }
}

/// A part of the schema, and what is said of it.
pub type Part = (String, Option<String>);

pub fn parts(definition: &TypeDefinition) -> Vec<Part> {
    let of = |name: &str| format!("{}.{name}", definition.name.node);
    let text =
        |description: &Option<async_graphql::Positioned<String>>| description.as_ref().map(|text| text.node.clone());
    let mut parts = vec![(definition.name.node.to_string(), text(&definition.description))];
    for field in fields(definition) {
        parts.push((of(&field.name.node), text(&field.description)));
        for argument in &field.arguments {
            let name = format!("{}({}:)", of(&field.name.node), argument.node.name.node);
            parts.push((name, text(&argument.node.description)));
        }
    }
    parts.extend(inputs(definition).iter().map(|field| (of(&field.name.node), text(&field.description))));
    if let TypeKind::Enum(values) = &definition.kind {
        parts.extend(values.values.iter().map(|value| (of(&value.node.value.node), text(&value.node.description))));
    }
    parts
}

#[test]
fn everything_has_a_description() {
    let parts: Vec<Part> = types().iter().flat_map(parts).collect();
    assert!(parts.len() > 300, "the schema was not read: {} parts", parts.len());
    let silent = parts.into_iter().filter(|(_, text)| text.as_ref().is_none_or(|text| text.trim().is_empty()));
    let silent: Vec<_> = silent.map(|(name, _)| name).collect();
    assert!(silent.is_empty(), "without a description: {}", silent.join(", "));
}

/// A mutation takes one `input`, or nothing, and answers with `userErrors`.
#[test]
fn mutations_are_alike() {
    let types = types();
    let find =
        |name: &str| types.iter().find(|found| found.name.node == name).unwrap_or_else(|| panic!("no type {name}"));
    for mutation in fields(find("Mutation")) {
        let (name, payload) = (&mutation.name.node, mutation.ty.node.to_string());
        let arguments: Vec<_> = mutation.arguments.iter().map(|argument| argument.node.name.node.as_str()).collect();
        assert!(arguments.is_empty() || arguments == ["input"], "{name} takes {arguments:?}");
        let payload = payload.strip_suffix('!').unwrap_or_else(|| panic!("{name} may answer null"));
        assert!(payload.ends_with("Payload"), "{name} answers {payload}");
        let errors = fields(find(payload)).into_iter().find(|field| field.name.node == "userErrors");
        let errors = errors.unwrap_or_else(|| panic!("{payload} has no userErrors"));
        assert_eq!(errors.ty.node.to_string(), "[UserError!]!", "{payload}");
    }
}

/// Scalars with a specification say which.
#[test]
fn scalars_say_what_they_are() {
    let sdl = leadcast::graphql::sdl();
    assert!(sdl.contains("scalar DateTime @specifiedBy(url: \"https://"), "DateTime does not name its specification");
}
