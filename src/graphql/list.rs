//! Lists whose rows may fail in a field of their own.

use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ServerResult, Value, parser::types::Field, registry::Registry,
};
use futures_util::future::try_join_all;

/// A list in the schema, the same as a `Vec` but for this: when a field of a row fails and takes the list with it, the error says which
/// field that was. (Of a `Vec` it says which row, for async-graphql puts the row's path in the place of the field's. So it does with an
/// object of a `SimpleObject`: what may fail further in is a method of an `Object`.)
pub struct List<T>(Vec<T>);

impl<'a, T> List<&'a T> {
    pub fn of(rows: impl IntoIterator<Item = &'a T>) -> Self {
        Self(rows.into_iter().collect())
    }
}

impl<T: OutputType> OutputType for List<T> {
    fn type_name() -> Cow<'static, str> {
        <Vec<T> as OutputType>::type_name()
    }

    fn qualified_type_name() -> String {
        <Vec<T> as OutputType>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Vec<T> as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let rows = self.0.iter().enumerate().map(|(index, row)| async move {
            let ctx = ctx.with_index(index);
            row.resolve(&ctx, field).await
        });
        Ok(Value::List(try_join_all(rows).await?))
    }
}
