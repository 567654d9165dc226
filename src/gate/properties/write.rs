//! Writes requests that follow the schema: documents with variables and fragments, and values for the variables.
//!
//! Every decision is a byte of the input, so that whatever makes bytes makes documents; where there are none left, the smallest thing is
//! written.

use apollo_compiler::{
    Name, Schema,
    ast::{FieldDefinition, InputValueDefinition, OperationType, Type, Value},
    collections::IndexMap,
    schema::{Component, ExtendedType},
};
use serde_json::Value as Json;

use super::{Parameters, Variables};

const MAX_DEPTH: usize = 7;
/// Fields of a document: few enough for most to be within the limits.
const MAX_FIELDS: usize = 60;

pub fn request(schema: &Schema, choices: &[u8]) -> Parameters {
    let mut writer = Writer {
        schema,
        choices: choices.iter(),
        declared: Vec::new(),
        variables: Variables::new(),
        fragments: Vec::new(),
        fields: 0,
    };
    let kind = [OperationType::Query, OperationType::Mutation, OperationType::Subscription][writer.choice(3)];
    let root = schema.root_operation(kind).expect("the schema has all three").clone();
    let body = match kind {
        OperationType::Subscription => format!("{{ {} }}", writer.one_field(&root)),
        _ => writer.selections(&root, 0),
    };
    let declared = if writer.declared.is_empty() { String::new() } else { format!("({})", writer.declared.join(", ")) };
    let name = (writer.choice(2) == 1).then(|| "Written".to_owned());
    let fragments = writer.fragments.join("\n");
    // Another operation beside it makes its name necessary.
    let other = if name.is_some() && writer.choice(4) == 1 { "query Other { __typename }" } else { "" };
    let query = format!("{kind} Written{declared} {body}\n{fragments}\n{other}");
    Parameters { query, operation_name: name, variables: writer.variables, hash: None }
}

struct Writer<'a> {
    schema: &'a Schema,
    choices: std::slice::Iter<'a, u8>,
    declared: Vec<String>,
    variables: Variables,
    fragments: Vec<String>,
    fields: usize,
}

type Fields = IndexMap<Name, Component<FieldDefinition>>;

impl<'a> Writer<'a> {
    /// Below `of`.
    fn choice(&mut self, of: usize) -> usize {
        self.choices.next().map_or(0, |byte| usize::from(*byte)) % of
    }

    fn fields_of(&self, of: &Name) -> Option<&'a Fields> {
        match self.schema.types.get(of)? {
            ExtendedType::Object(object) => Some(&object.fields),
            ExtendedType::Interface(interface) => Some(&interface.fields),
            _ => None,
        }
    }

    /// What a row of this type may be.
    fn kinds_of(&self, of: &Name) -> Vec<Name> {
        match self.schema.types.get(of) {
            Some(ExtendedType::Union(union)) => union.members.iter().map(|member| member.name.clone()).collect(),
            Some(ExtendedType::Interface(_)) => {
                let objects = self.schema.types.values().filter_map(ExtendedType::as_object);
                let those = objects.filter(|object| object.implements_interfaces.contains(of));
                those.map(|object| object.name.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn selections(&mut self, of: &Name, depth: usize) -> String {
        let items: Vec<_> = (0..=self.choice(4)).map(|_| self.selection(of, depth)).collect();
        format!("{{ {} }}", items.join(" "))
    }

    fn selection(&mut self, of: &Name, depth: usize) -> String {
        let kinds = self.kinds_of(of);
        self.fields += 1;
        if depth >= MAX_DEPTH || self.fields > MAX_FIELDS {
            return "__typename".to_owned();
        }
        match self.choice(12) {
            0 => "__typename".to_owned(),
            1 => format!("... {}{}", self.condition(), self.selections(of, depth + 1)),
            2 => self.fragment(of, depth),
            3..=7 if !kinds.is_empty() => {
                let kind = &kinds[self.choice(kinds.len())];
                format!("... on {kind} {}{{ {} }}", self.condition(), self.field(kind, depth + 1, true))
            }
            _ => self.field(of, depth, false),
        }
    }

    fn fragment(&mut self, of: &Name, depth: usize) -> String {
        let body = self.selections(of, depth + 1);
        let name = format!("F{}", self.fragments.len());
        self.fragments.push(format!("fragment {name} on {of} {body}"));
        let twice = if self.choice(4) == 1 { format!(" ...{name}") } else { String::new() };
        format!("...{name} {}{twice}", self.condition())
    }

    fn one_field(&mut self, of: &Name) -> String {
        let fields = self.fields_of(of).expect("an object");
        let field = &fields[self.choice(fields.len())];
        self.written(field, 0, true, "")
    }

    /// `apart`: under a name that nothing else has, so that it cannot be taken for the same field of another type.
    fn field(&mut self, of: &Name, depth: usize, apart: bool) -> String {
        let Some(fields) = self.fields_of(of) else { return "__typename".to_owned() };
        let field = &fields[self.choice(fields.len())];
        let condition = self.condition();
        self.written(field, depth, apart, &condition)
    }

    fn written(&mut self, field: &FieldDefinition, depth: usize, apart: bool, condition: &str) -> String {
        self.fields += 1;
        let number = self.fields;
        let arguments = self.arguments(&field.arguments);
        let alias = if apart || !arguments.is_empty() { format!("f{number}: ") } else { String::new() };
        let of = field.ty.inner_named_type();
        let composite = self.fields_of(of).is_some() || !self.kinds_of(of).is_empty();
        let selections = if composite { self.selections(of, depth + 1) } else { String::new() };
        format!("{alias}{}{arguments} {condition}{selections}", field.name)
    }

    fn condition(&mut self) -> String {
        let name = match self.choice(10) {
            1 => "include",
            2 => "skip",
            _ => return String::new(),
        };
        let value = self.value(&Type::Named(apollo_compiler::name!("Boolean")).non_null(), 0, false);
        format!("@{name}(if: {value}) ")
    }

    fn arguments(&mut self, defined: &[apollo_compiler::Node<InputValueDefinition>]) -> String {
        let given: Vec<_> = defined
            .iter()
            .filter_map(|argument| {
                let wanted = argument.is_required() || self.choice(3) == 1;
                wanted.then(|| format!("{}: {}", argument.name, self.value(&argument.ty, 0, false)))
            })
            .collect();
        if given.is_empty() { String::new() } else { format!("({})", given.join(", ")) }
    }

    /// A literal. `constant`: with no variables in it.
    fn value(&mut self, ty: &Type, depth: usize, constant: bool) -> Value {
        if !constant && self.choice(4) == 1 {
            return self.variable(ty);
        }
        if !ty.is_non_null() && self.choice(6) == 1 {
            return Value::Null;
        }
        if ty.is_list() {
            let count = self.choice(3);
            return Value::List((0..count).map(|_| self.value(ty.item_type(), depth + 1, constant).into()).collect());
        }
        self.named(ty.inner_named_type(), depth, constant)
    }

    fn variable(&mut self, ty: &Type) -> Value {
        let name = format!("v{}", self.declared.len());
        let default = (self.choice(4) == 1).then(|| self.value(ty, 0, true));
        let optional = !ty.is_non_null() || default.is_some();
        if !optional || self.choice(3) != 1 {
            let value = self.value(ty, 0, true);
            self.variables.insert(name.clone(), json(&value));
        }
        let default = default.map(|value| format!(" = {value}")).unwrap_or_default();
        self.declared.push(format!("${name}: {ty}{default}"));
        Value::Variable(Name::new(&name).expect("a name"))
    }

    fn named(&mut self, name: &Name, depth: usize, constant: bool) -> Value {
        match self.schema.types.get(name) {
            Some(ExtendedType::Enum(def)) => Value::Enum(def.values[self.choice(def.values.len())].value.clone()),
            Some(ExtendedType::InputObject(input)) => {
                let fields: Vec<_> = input.fields.values().map(|field| (**field).clone()).collect();
                if input.directives.has("oneOf") {
                    let field = &fields[self.choice(fields.len())];
                    let ty = (*field.ty).clone().non_null();
                    return Value::Object(vec![(field.name.clone(), self.value(&ty, depth + 1, constant).into())]);
                }
                let wanted = |writer: &mut Self, field: &InputValueDefinition| {
                    field.is_required() || depth < 3 && writer.choice(4) == 1
                };
                let given = fields.into_iter().filter_map(|field| {
                    wanted(self, &field)
                        .then(|| (field.name.clone(), self.value(&field.ty, depth + 1, constant).into()))
                });
                Value::Object(given.collect())
            }
            _ => self.scalar(name),
        }
    }

    fn scalar(&mut self, name: &Name) -> Value {
        const CURSOR: &str = "ZQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        const TEXTS: [&str; 6] = ["", "a", "é\u{1f600}", "\"\\\n\t", "two\nlines", "{"];
        let choice = self.choice(6);
        let whole = |all: [&str; 6]| Value::Int(apollo_compiler::ast::IntValue::new_parsed(all[choice]));
        match name.as_str() {
            "Int" => whole(["1", "0", "20", "100", "-2147483648", "2147483647"]),
            "Credits" | "Amount" => whole(["1", "0", "20", "100", "2147483648", "9007199254740991"]),
            "SignedCredits" => whole(["1", "0", "-20", "100", "-9007199254740991", "9007199254740991"]),
            "Float" => Value::Float([0.0, 1.5, -2.25, 1e300, 1e-300, -0.0][choice].into()),
            "Boolean" => Value::Boolean(choice > 2),
            "DateTime" => Value::String(["2026-11-20T09:00:00Z", "2026-11-20T09:00:00.5+02:00"][choice % 2].to_owned()),
            "Cursor" => Value::String(CURSOR.to_owned()),
            "ID" if choice == 1 => whole(["1"; 6]),
            _ => Value::String(TEXTS[choice].to_owned()),
        }
    }
}

/// A constant, as it is sent.
fn json(value: &Value) -> Json {
    match value {
        Value::Null | Value::Variable(_) => Json::Null,
        Value::Enum(name) => name.as_str().into(),
        Value::String(text) => text.as_str().into(),
        Value::Float(float) => float.try_to_f64().unwrap_or_default().into(),
        Value::Int(int) => int.as_str().parse::<i64>().unwrap_or_default().into(),
        Value::Boolean(value) => (*value).into(),
        Value::List(items) => items.iter().map(|item| json(item)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.to_string(), json(value))).collect(),
    }
}
