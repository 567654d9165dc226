//! How much a document may ask for. What is counted here is counted in the text, each fragment once.

use apollo_compiler::{
    ExecutableDocument, Name,
    ast::{DirectiveList, Value},
    collections::{HashMap, HashSet},
    executable::{Field, Operation, Selection, SelectionSet},
};
use async_graphql::ServerError;

use super::{errors::with_code, input::Types};
use crate::config::DocumentLimits;

/// Fields of introspection that lead to the schema.
const INTROSPECTION: [&str; 2] = ["__schema", "__type"];

/// Selections that are looked at to validate a document, and that it may have when its fragments are put where they are spread. Each operation
/// is validated with all fragments that it leads to, so that many operations with the same large fragment take long, few as their words
/// may be.
const MAX_SELECTIONS: usize = 20_000;
/// Values that a document may have, likewise. A long text counts as several.
const MAX_VALUES: usize = 20_000;
const BYTES_OF_A_VALUE: usize = 64;

/// That something is over its limit. `name` is that of the limit in the settings.
pub fn exceeded(name: &str, what: &str, limit: u64, found: u64) -> ServerError {
    let message = format!("The document has {what}: {found}, and at most {limit} are allowed.");
    let mut error = with_code(message, "LIMIT_EXCEEDED");
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("limit", name);
    extensions.set("maximum", limit);
    extensions.set("found", found);
    error
}

/// Before a document is validated: how much work that would be.
pub fn check_work(document: &ExecutableDocument) -> Result<(), ServerError> {
    let sizes: HashMap<&str, Size<'_>> =
        document.fragments.iter().map(|(name, fragment)| (name.as_str(), Size::of(&fragment.selection_set))).collect();
    let mut looked_at = 0;
    for operation in document.operations.iter() {
        let own = Size::of(&operation.selection_set);
        let (mut seen, mut open) = (HashSet::default(), own.spreads);
        looked_at += own.selections;
        while let Some(name) = open.pop() {
            let Some(fragment) = sizes.get(name).filter(|_| seen.insert(name)) else { continue };
            looked_at += fragment.selections;
            at_most("selections", "too many selections in all its operations", MAX_SELECTIONS, looked_at)?;
            open.extend(&fragment.spreads);
        }
    }
    Ok(())
}

/// What a selection set has in it, but for what its fragments have.
struct Size<'a> {
    selections: usize,
    spreads: Vec<&'a str>,
}

impl<'a> Size<'a> {
    fn of(set: &'a SelectionSet) -> Self {
        let (mut size, mut open) = (Self { selections: 0, spreads: Vec::new() }, vec![set]);
        while let Some(set) = open.pop() {
            size.selections += set.selections.len();
            for selection in &set.selections {
                match selection {
                    Selection::Field(field) => open.push(&field.selection_set),
                    Selection::InlineFragment(fragment) => open.push(&fragment.selection_set),
                    Selection::FragmentSpread(spread) => size.spreads.push(&spread.fragment_name),
                }
            }
        }
        size
    }
}

/// How much is executed.
#[derive(Clone, Copy, Default, Debug)]
pub struct Extent {
    pub selections: usize,
    /// In arguments.
    pub values: usize,
}

impl Extent {
    /// But for what is asked of its value.
    pub fn of(field: &Field) -> Self {
        Self { selections: 1, values: field.arguments.iter().map(|given| values(&given.value)).sum() }
    }

    pub fn and(self, more: Self) -> Self {
        Self {
            selections: self.selections.saturating_add(more.selections),
            values: self.values.saturating_add(more.values),
        }
    }
}

/// Counts what is in a valid document. Returns how much that is when its fragments are put where they are spread, for each type that an object
/// may have.
pub fn check(
    document: &ExecutableDocument,
    types: &Types,
    limits: &DocumentLimits,
    introspection: bool,
) -> Result<Extent, ServerError> {
    let mut found = Found::default();
    for operation in document.operations.iter() {
        found.directives += operation.directives.len();
        found.count(&operation.selection_set);
    }
    for fragment in document.fragments.values() {
        found.directives += fragment.directives.len();
        found.count(&fragment.selection_set);
    }
    at_most("aliases", "too many aliases", limits.aliases, found.aliases)?;
    at_most("directives", "too many directives", limits.directives, found.directives)?;
    if found.introspection && !introspection {
        return Err(with_code("Introspection is switched off here: schema.graphql has the schema.", "FORBIDDEN"));
    }
    let mut depths = Depths { document, known: HashMap::default() };
    let (mut spread, mut extent) = (Spread { document, types, known: HashMap::default() }, Extent::default());
    for operation in document.operations.iter() {
        extent = extent.and(spread.of(&operation.selection_set, operation.object_type()));
        let what = |what| format!("too many {what}, with fragments wherever they are spread");
        at_most("selections", &what("selections"), MAX_SELECTIONS, extent.selections)?;
        at_most("values", &what("values in arguments"), MAX_VALUES, extent.values)?;
        at_most("rootFields", "too many root fields", limits.root_fields, roots(document, operation))?;
        at_most("depth", "too many levels of fields", limits.depth, depths.of(&operation.selection_set))?;
    }
    Ok(extent)
}

fn at_most(name: &str, what: &str, limit: usize, found: usize) -> Result<(), ServerError> {
    let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    if found > limit { Err(exceeded(name, what, wide(limit), wide(found))) } else { Ok(()) }
}

/// Each as it is answered: a field that is asked for twice is one.
fn roots(document: &ExecutableDocument, operation: &Operation) -> usize {
    let mut keys: Vec<_> = operation.root_fields(document).map(|field| field.response_key()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.len()
}

#[derive(Default)]
struct Found {
    aliases: usize,
    directives: usize,
    introspection: bool,
}

impl Found {
    fn count(&mut self, set: &SelectionSet) {
        let mut open = vec![set];
        while let Some(set) = open.pop() {
            for selection in &set.selections {
                let directives: &DirectiveList = selection.directives();
                self.directives += directives.len();
                match selection {
                    Selection::Field(field) => {
                        self.aliases += usize::from(field.alias.is_some());
                        self.introspection |= INTROSPECTION.contains(&field.name.as_str());
                        open.push(&field.selection_set);
                    }
                    Selection::InlineFragment(fragment) => open.push(&fragment.selection_set),
                    Selection::FragmentSpread(_) => {}
                }
            }
        }
    }
}

/// How many fields stand in one another. A fragment has the same depth wherever it is spread.
struct Depths<'a> {
    document: &'a ExecutableDocument,
    known: HashMap<&'a str, usize>,
}

impl<'a> Depths<'a> {
    fn of(&mut self, set: &'a SelectionSet) -> usize {
        let mut deepest = 0;
        for selection in &set.selections {
            let depth = match selection {
                Selection::Field(field) => 1 + self.of(&field.selection_set),
                Selection::InlineFragment(fragment) => self.of(&fragment.selection_set),
                Selection::FragmentSpread(spread) => self.of_fragment(&spread.fragment_name),
            };
            deepest = deepest.max(depth);
        }
        deepest
    }

    fn of_fragment(&mut self, name: &'a str) -> usize {
        if let Some(depth) = self.known.get(name) {
            return *depth;
        }
        let Some(fragment) = self.document.fragments.get(name) else { return 0 };
        let depth = self.of(&fragment.selection_set);
        self.known.insert(name, depth);
        depth
    }
}

/// How much there is when every fragment is put where it is spread.
struct Spread<'a> {
    document: &'a ExecutableDocument,
    types: &'a Types,
    /// Of each fragment, for each type that it is spread on.
    known: HashMap<(&'a str, &'a str), Extent>,
}

impl<'a> Spread<'a> {
    /// What is asked of a `ty`, or of each type that it may be.
    fn of(&mut self, set: &'a SelectionSet, ty: &'a Name) -> Extent {
        let types = self.types.possible(ty);
        let one = Extent { selections: 1, values: 0 };
        let each = types.iter().fold(Extent::default(), |sum, ty| sum.and(one).and(self.of_object(set, ty)));
        if types.is_empty() { self.of_object(set, ty) } else { each }
    }

    fn of_object(&mut self, set: &'a SelectionSet, ty: &'a Name) -> Extent {
        set.selections.iter().fold(Extent::default(), |sum, selection| match selection {
            Selection::Field(field) => {
                sum.and(Extent::of(field)).and(self.of(&field.selection_set, &field.selection_set.ty))
            }
            Selection::InlineFragment(fragment) => {
                let is_for = fragment.type_condition.as_ref().is_none_or(|on| self.types.is(ty, on));
                if is_for { sum.and(self.of_object(&fragment.selection_set, ty)) } else { sum }
            }
            Selection::FragmentSpread(spread) => sum.and(self.of_fragment(&spread.fragment_name, ty)),
        })
    }

    fn of_fragment(&mut self, name: &'a str, ty: &'a Name) -> Extent {
        if let Some(known) = self.known.get(&(name, ty.as_str())) {
            return *known;
        }
        let fragment = self.document.fragments.get(name);
        let fragment = fragment.filter(|fragment| self.types.is(ty, fragment.type_condition()));
        let extent = fragment.map_or_else(Extent::default, |fragment| self.of_object(&fragment.selection_set, ty));
        self.known.insert((name, ty.as_str()), extent);
        extent
    }
}

/// With all that is in it.
fn values(value: &Value) -> usize {
    let inside = match value {
        Value::List(items) => items.iter().map(|item| values(item)).sum(),
        Value::Object(members) => members.iter().map(|(_, value)| values(value)).sum(),
        Value::String(text) => text.len() / BYTES_OF_A_VALUE,
        _ => 0,
    };
    1 + inside
}
