//! A server whose resolvers do what a test says: fail, wait, panic.

use std::sync::Arc;

use async_graphql::{
    ServerResult, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextResolve, ResolveInfo},
};
use futures_util::future::BoxFuture;
use leadcast::graphql;

use super::TestServer;

/// `server` with this before every field: a field whose `act` ends in an error has that error.
pub async fn before_each<A>(server: TestServer, act: A) -> TestServer
where
    A: Fn(&ResolveInfo<'_>) -> BoxFuture<'static, ServerResult<()>> + Clone + Send + Sync + 'static,
{
    let schema = graphql::schema().extension(BeforeEach(act)).finish();
    server.replaced_by(schema).await
}

#[derive(Clone)]
struct BeforeEach<A>(A);

impl<A> ExtensionFactory for BeforeEach<A>
where
    A: Fn(&ResolveInfo<'_>) -> BoxFuture<'static, ServerResult<()>> + Clone + Send + Sync + 'static,
{
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(self.clone())
    }
}

#[async_trait::async_trait]
impl<A> Extension for BeforeEach<A>
where
    A: Fn(&ResolveInfo<'_>) -> BoxFuture<'static, ServerResult<()>> + Clone + Send + Sync + 'static,
{
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        (self.0)(&info).await?;
        next.run(ctx, info).await
    }
}
