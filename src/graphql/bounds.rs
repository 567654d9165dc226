//! Keeps an operation within what it may have at once: see `capacity::Running`. Every field passes here, so that no resolver has to think
//! of it: how many are resolved at once at the root, and what each value adds to the result.

use std::sync::Arc;

use async_graphql::{
    PathSegment, QueryPathNode, QueryPathSegment, ServerError, ServerResult, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextResolve, ResolveInfo},
};

use super::errors;
use crate::capacity::Running;

/// What a field takes in memory, nearly all of it async-graphql's: some 300 bytes once it is resolved, and 1,400 until all beside it are, which is
/// so for few at once.
const FIELD: usize = 500;
/// What a value takes in memory that is part of another.
const PART: usize = 128;
/// The least that any value has of the text, with what parts it from the next.
const LETTERS: usize = 2;
/// Custom scalars whose values are objects or lists: nobody else counts what is in these.
const JSON: [&str; 2] = ["JSON", "JSON!"];

pub(super) struct Bounds;

impl ExtensionFactory for Bounds {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Bounds {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let running = ctx.data_opt::<Running>();
        let _in_line = match running {
            Some(running) if info.path_node.parent.is_none() => running.root_field().await,
            _ => None,
        };
        let is_json = JSON.contains(&info.return_type);
        let at = info.path_node;
        let value = next.run(ctx, info).await?;
        if let (Some(value), Some(running)) = (&value, running) {
            let Size { text, memory } = if is_json { Size::of(value) } else { Size::alone(value) };
            running
                .grow(text, FIELD + memory)
                .map_err(|fault| ServerError { path: path(at), ..errors::fault(&fault) })?;
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

/// How many bytes.
#[derive(Default)]
struct Size {
    text: usize,
    memory: usize,
}

impl Size {
    /// But for what is in it.
    fn alone(value: &Value) -> Self {
        let text = if let Value::String(text) = value { text.len() } else { 0 };
        Self { text: LETTERS + text, memory: text }
    }

    /// With all that is in it.
    fn of(value: &Value) -> Self {
        let mut size = Self::alone(value);
        match value {
            Value::List(items) => items.iter().for_each(|item| size.add(0, item)),
            Value::Object(members) => members.iter().for_each(|(name, value)| size.add(name.len(), value)),
            _ => {}
        }
        size
    }

    fn add(&mut self, name: usize, value: &Value) {
        let part = Self::of(value);
        self.text += name + part.text;
        self.memory += PART + name + part.memory;
    }
}
