//! What async-graphql leaves to others: a subscription has exactly one root field. It would run several as streams whose
//! answers nobody can tell apart, and it does not see one that is in a fragment.

use async_graphql::{
    Positioned, ServerError,
    parser::types::{DocumentOperations, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet},
};

/// Refuses what has not one root field. Where that is in a fragment, the document with the field itself beside it.
pub(super) fn with_one_root_field(
    document: &ExecutableDocument,
    operation: &Positioned<OperationDefinition>,
) -> Result<Option<ExecutableDocument>, ServerError> {
    let root = match root_fields(document, &operation.node.selection_set.node)?[..] {
        [root] if !root.node.name.node.starts_with("__") => root,
        // Of fragments that are not there: validation says so.
        [] => return Ok(None),
        _ => return Err(ServerError::new(ONE, None)),
    };
    let own = &operation.node.selection_set.node.items;
    if own.iter().any(|selection| matches!(selection.node, Selection::Field(_))) {
        return Ok(None);
    }
    let mut lifted = document.clone();
    let operation = match &mut lifted.operations {
        DocumentOperations::Single(only) => Some(only),
        DocumentOperations::Multiple(all) => all.values_mut().find(|one| one.pos == operation.pos),
    };
    if let Some(operation) = operation {
        let field = Positioned::new(Selection::Field(root.clone()), root.pos);
        operation.node.selection_set.node.items.push(field);
    }
    Ok(Some(lifted))
}

const ONE: &str = "A subscription has exactly one root field, written once and not one of introspection: start one \
                   subscription for each stream, or use `events`.";
const ALWAYS: &str = "The root field of a subscription cannot be left out: @skip and @include have no place there.";

fn root_fields<'a>(
    document: &'a ExecutableDocument,
    selected: &'a SelectionSet,
) -> Result<Vec<&'a Positioned<Field>>, ServerError> {
    let (mut fields, mut spread) = (Vec::new(), Vec::new());
    let mut sets = vec![selected];
    while let Some(set) = sets.pop() {
        for selection in &set.items {
            let mut directives = selection.node.directives().iter().map(|directive| directive.node.name.node.as_str());
            if directives.any(|name| matches!(name, "skip" | "include")) {
                return Err(ServerError::new(ALWAYS, Some(selection.pos)));
            }
            match &selection.node {
                Selection::Field(field) => fields.push(field),
                Selection::InlineFragment(fragment) => sets.push(&fragment.node.selection_set.node),
                Selection::FragmentSpread(fragment) => {
                    let name = &fragment.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name).filter(|_| !spread.contains(&name)) {
                        spread.push(name);
                        sets.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
    Ok(fields)
}
