//! How much a document may ask for. What is counted here is counted in the text, each fragment once.

use apollo_compiler::{
    ExecutableDocument,
    ast::DirectiveList,
    collections::{HashMap, HashSet},
    executable::{Operation, Selection, SelectionSet},
};
use async_graphql::ServerError;

use super::errors::with_code;
use crate::config::DocumentLimits;

/// Fields of introspection that lead to the schema.
const INTROSPECTION: [&str; 2] = ["__schema", "__type"];

/// Selections that are looked at to validate a document, and that it may have when its fragments are put where they are spread. Each operation
/// is validated with all fragments that it leads to, so that many operations with the same large fragment take long, few as their words
/// may be.
const MAX_SELECTIONS: usize = 20_000;

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

/// Counts what is in a valid document. Returns how many selections it has when its fragments are put where they are spread.
pub fn check(
    document: &ExecutableDocument,
    limits: &DocumentLimits,
    introspection: bool,
) -> Result<usize, ServerError> {
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
    let (mut spread, mut selections) = (Spread { document, known: HashMap::default() }, 0_usize);
    for operation in document.operations.iter() {
        selections = selections.saturating_add(spread.out(&operation.selection_set));
        let what = "too many selections, with fragments wherever they are spread";
        at_most("selections", what, MAX_SELECTIONS, selections)?;
        at_most("rootFields", "too many root fields", limits.root_fields, roots(document, operation))?;
        at_most("depth", "too many levels of fields", limits.depth, depths.of(&operation.selection_set))?;
    }
    Ok(selections)
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

/// How many selections there are when every fragment is put where it is spread.
struct Spread<'a> {
    document: &'a ExecutableDocument,
    known: HashMap<&'a str, usize>,
}

impl<'a> Spread<'a> {
    fn out(&mut self, set: &'a SelectionSet) -> usize {
        set.selections.iter().fold(0_usize, |count, selection| {
            let inside = match selection {
                Selection::Field(field) => self.out(&field.selection_set),
                Selection::InlineFragment(fragment) => self.out(&fragment.selection_set),
                Selection::FragmentSpread(spread) => self.of_fragment(&spread.fragment_name),
            };
            count.saturating_add(1).saturating_add(inside)
        })
    }

    fn of_fragment(&mut self, name: &'a str) -> usize {
        if let Some(count) = self.known.get(name) {
            return *count;
        }
        let count = self.document.fragments.get(name).map_or(0, |fragment| self.out(&fragment.selection_set));
        self.known.insert(name, count);
        count
    }
}
