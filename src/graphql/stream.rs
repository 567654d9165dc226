//! Subscriptions' common part: from the log to the deliveries that a feature turns into its events.

use async_graphql::Context;
use futures_util::{Stream, StreamExt, stream};

use crate::{
    auth::Viewer,
    capacity::Work,
    error::Result,
    events::{Cursor, Delivery, Feed, Kind, Positions, Scope, Step},
};

/// What `viewer` may be told of `kinds`.
pub fn scope(viewer: &Viewer, kinds: &[Kind]) -> Scope {
    Scope { tenant: viewer.tenant, user: viewer.user.clone(), kinds: kinds.to_vec() }
}

/// A feed whose position the socket's pings carry.
pub async fn feed(ctx: &Context<'_>, kinds: &[Kind], after: Option<Cursor>) -> Result<Feed> {
    let positions = ctx.data_opt::<Positions>().cloned().unwrap_or_default();
    Feed::open(&super::app(ctx).hub, scope(super::viewer(ctx)?, kinds), after, &positions).await
}

/// The events of `kinds`, from now on or from `after`, as `shown` makes them: `None` for what this viewer is not shown.
/// Ends after the first error.
pub async fn events<E, Shown, Fut>(
    ctx: &Context<'_>,
    kinds: &[Kind],
    after: Option<Cursor>,
    shown: Shown,
) -> Result<impl Stream<Item = Result<E>> + use<E, Shown, Fut>>
where
    E: Send + 'static,
    Shown: Fn(Delivery) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Option<E>>> + Send + 'static,
{
    let feed = feed(ctx, kinds, after).await?;
    let running = super::running(ctx).clone();
    Ok(stream::unfold(Some((feed, shown, running)), |state| async move {
        let (mut feed, shown, running) = state?;
        loop {
            running.rest();
            let event = match feed.next().await {
                Ok(Step::Event(delivery)) => {
                    running.work(Work::Event).await;
                    shown(delivery).await
                }
                Ok(Step::CaughtUp) => Ok(None),
                Err(error) => Err(error),
            };
            match event {
                Ok(Some(event)) => return Some((Ok(event), Some((feed, shown, running)))),
                Ok(None) => {}
                Err(error) => return Some((Err(error), None)),
            }
        }
    })
    .boxed())
}
