//! SQL that never changes, prepared once for each connection. (diesel's `sql_query` is prepared anew each time, which costs a
//! round trip of its own: too much for what the event tail asks hundreds of times a second.)

use diesel::{
    QueryResult,
    backend::Backend,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::Untyped,
};

/// A query without values.
pub(super) struct Constant(pub &'static str);

impl<B: Backend> QueryFragment<B> for Constant {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, B>) -> QueryResult<()> {
        out.push_sql(self.0);
        Ok(())
    }
}

/// Told apart by its text.
impl QueryId for Constant {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Constant {
    type SqlType = Untyped;
}
