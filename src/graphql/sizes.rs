//! Counts the bytes of a result while it is made: see `capacity::Running`. Every value passes here, so that no resolver has to think of it.

use std::sync::Arc;

use async_graphql::{
    PathSegment, QueryPathNode, QueryPathSegment, ServerError, ServerResult, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextResolve, ResolveInfo},
};

use super::errors;
use crate::capacity::Running;

/// What any value takes, with its name.
const VALUE: usize = 32;
/// Custom scalars whose values are objects or lists: nobody else counts what is in these.
const JSON: [&str; 2] = ["JSON", "JSON!"];

pub(super) struct Sizes;

impl ExtensionFactory for Sizes {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Sizes {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let is_json = JSON.contains(&info.return_type);
        let at = info.path_node;
        let value = next.run(ctx, info).await?;
        if let (Some(value), Some(running)) = (&value, ctx.data_opt::<Running>()) {
            let bytes = if is_json { size(value) } else { VALUE + text(value) };
            running.grow(bytes).map_err(|fault| ServerError { path: path(at), ..errors::fault(&fault) })?;
        }
        Ok(value)
    }
}

fn path(at: &QueryPathNode<'_>) -> Vec<PathSegment> {
    let segment = |node: &QueryPathNode<'_>| match node.segment {
        QueryPathSegment::Name(name) => PathSegment::Field(name.to_owned()),
        QueryPathSegment::Index(index) => PathSegment::Index(index),
    };
    let mut path: Vec<_> = std::iter::once(at).chain(at.parents()).map(segment).collect();
    path.reverse();
    path
}

fn text(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        _ => 0,
    }
}

/// With all that is in it.
fn size(value: &Value) -> usize {
    let inside = match value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + size(value)).sum(),
        _ => text(value),
    };
    VALUE + inside
}
