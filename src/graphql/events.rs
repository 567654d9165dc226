//! All events in one order under one cursor: as a stream, and as pages for those who poll.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_graphql::{ComplexObject, Context, Enum, Interface, Object, SimpleObject, Subscription};
use futures_util::{Stream, StreamExt, stream};
use tokio::time::{Instant, Interval, interval_at};

use super::{
    List,
    stream::{feed, scope},
};
use crate::{
    auth::Viewer,
    capacity::{Running, Work},
    claims::graphql::ClaimUpdatedEvent,
    clock::Timestamp,
    error::{Fault, Result},
    events::{Cursor, Delivery, Feed, Kind, Step},
    leads::{
        LeadFilter,
        graphql::{LeadClaimedEvent, LeadCreatedEvent, LeadUpdatedEvent, Watch},
    },
    notifications::{
        NotificationFilter,
        graphql::{NotificationAddedEvent, NotificationUpdatedEvent},
    },
    wallets::graphql::BalanceUpdatedEvent,
};

/// Something that happened.
#[derive(Interface)]
#[graphql(
    field(name = "cursor", ty = "Cursor", desc = "Its place in the log: go on after it with `after`."),
    field(name = "occurred_at", ty = "Timestamp", desc = "When it happened."),
    field(name = "backlog", ty = "bool", desc = "Whether it had already happened when the stream began.")
)]
#[allow(clippy::large_enum_variant)] // lives as long as its resolution
pub enum Event {
    LeadCreated(LeadCreatedEvent),
    LeadClaimed(LeadClaimedEvent),
    LeadUpdated(LeadUpdatedEvent),
    ClaimUpdated(ClaimUpdatedEvent),
    BalanceUpdated(BalanceUpdatedEvent),
    NotificationAdded(NotificationAddedEvent),
    NotificationUpdated(NotificationUpdatedEvent),
    Progress(ProgressEvent),
}

#[derive(Clone, Debug)]
pub struct ProgressEvent {
    cursor: Cursor,
    occurred_at: Timestamp,
}

/// Nothing happened, up to this cursor. Only in `events`, and only when asked for: after the backlog, then every 15 minutes,
/// so that a quiet stream's cursor stays young.
#[Object]
impl ProgressEvent {
    /// Its place in the log: go on after it with `after`.
    async fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// When this was so.
    async fn occurred_at(&self) -> Timestamp {
        self.occurred_at
    }

    /// Always false.
    async fn backlog(&self) -> bool {
        false
    }
}

/// A page of the event log, in order.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct EventPage {
    #[graphql(skip)]
    events: Vec<Event>,
    /// Ask for the next page with this as `after`.
    end_cursor: Cursor,
    /// Whether the log goes on beyond this page by now: ask again at once. If not, ask again later.
    has_more: bool,
}

#[ComplexObject]
impl EventPage {
    /// What the viewer may be told of, oldest first. May be empty while `hasMore` is true.
    async fn events(&self) -> List<&Event> {
        List::of(&self.events)
    }
}

/// What happened.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EventType {
    /// A lead opened for the first time.
    LeadCreated,
    /// A lead was claimed.
    LeadClaimed,
    /// A lead changed in another way.
    LeadUpdated,
    /// A claim changed after it was made.
    ClaimUpdated,
    /// The viewer's wallet moved.
    BalanceUpdated,
    /// The viewer was told of something.
    NotificationAdded,
    /// Some of the viewer's notifications changed.
    NotificationUpdated,
    /// Nothing happened, up to this cursor: comes after the backlog and then every 15 minutes, only when asked for.
    Progress,
}

impl EventType {
    /// As the log has it; PROGRESS is not in the log.
    fn kind(self) -> Option<Kind> {
        Some(match self {
            Self::LeadCreated => Kind::LeadCreated,
            Self::LeadClaimed => Kind::LeadClaimed,
            Self::LeadUpdated => Kind::LeadUpdated,
            Self::ClaimUpdated => Kind::ClaimUpdated,
            Self::BalanceUpdated => Kind::BalanceUpdated,
            Self::NotificationAdded => Kind::NotificationAdded,
            Self::NotificationUpdated => Kind::NotificationUpdated,
            Self::Progress => return None,
        })
    }
}

const EVERYTHING: [EventType; 7] = [
    EventType::LeadCreated,
    EventType::LeadClaimed,
    EventType::LeadUpdated,
    EventType::ClaimUpdated,
    EventType::BalanceUpdated,
    EventType::NotificationAdded,
    EventType::NotificationUpdated,
];
const BETWEEN_PROGRESS: Duration = Duration::from_mins(15);
const MAX_PAGE: i32 = 500;

/// What an `events` stream or page is asked for.
struct Watcher {
    viewer: Viewer,
    kinds: Vec<Kind>,
    progress: bool,
    leads: Watch,
    notifications: Option<NotificationFilter>,
}

impl Watcher {
    fn new(
        ctx: &Context<'_>,
        types: Option<Vec<EventType>>,
        filter: Option<LeadFilter>,
        notifications: Option<NotificationFilter>,
    ) -> Result<Self> {
        let asked = types.unwrap_or_else(|| EVERYTHING.to_vec());
        let kinds: HashSet<Kind> = asked.iter().filter_map(|asked| asked.kind()).collect();
        let viewer = super::viewer(ctx)?;
        if let Some(filter) = &notifications {
            filter.check(viewer)?;
        }
        Ok(Self {
            viewer: viewer.clone(),
            progress: asked.contains(&EventType::Progress),
            kinds: kinds.into_iter().collect(),
            leads: Watch::new(ctx, None, filter)?,
            notifications,
        })
    }

    /// The event as the viewer may see it; `None` when it may not, or does not want to.
    async fn event(&self, delivery: Delivery) -> Result<Option<Event>> {
        let viewer = &self.viewer;
        Ok(match delivery.record.kind {
            Some(Kind::LeadCreated) => self.leads.created(delivery).await?.map(Event::LeadCreated),
            Some(Kind::LeadClaimed) => self.leads.claimed(delivery).await?.map(Event::LeadClaimed),
            Some(Kind::LeadUpdated) => self.leads.updated(delivery).await?.map(Event::LeadUpdated),
            Some(Kind::ClaimUpdated) => ClaimUpdatedEvent::for_viewer(delivery, viewer)?.map(Event::ClaimUpdated),
            Some(Kind::BalanceUpdated) => BalanceUpdatedEvent::for_viewer(delivery, viewer)?.map(Event::BalanceUpdated),
            Some(Kind::NotificationAdded) => {
                let filter = self.notifications.as_ref();
                NotificationAddedEvent::for_viewer(delivery, viewer, filter)?.map(Event::NotificationAdded)
            }
            Some(Kind::NotificationUpdated) => {
                NotificationUpdatedEvent::for_viewer(delivery, viewer)?.map(Event::NotificationUpdated)
            }
            Some(Kind::TokensVoided) | None => None,
        })
    }
}

#[derive(Default)]
pub struct EventQuery;

#[Object]
impl EventQuery {
    /// The polling twin of the `events` stream: what happened after a cursor. Begin with `streamCursor`, go on with `endCursor`.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Go on after this place.")] after: Cursor,
        #[graphql(default = 100, desc = "How many events at most, 1 to 500.")] first: i32,
        #[graphql(
            desc = "Only events of these types; all when left out. PROGRESS has no meaning here: use `endCursor`."
        )]
        types: Option<Vec<EventType>>,
        #[graphql(desc = "Only lead events whose lead matched before or matches after.")] lead_filter: Option<
            LeadFilter,
        >,
        #[graphql(desc = "Only new notifications that match.")] notification_filter: Option<NotificationFilter>,
    ) -> Result<EventPage> {
        if !(1..=MAX_PAGE).contains(&first) {
            return Err(Fault::BadUserInput(format!("`first` is from 1 to {MAX_PAGE}; this is {first}.")).into());
        }
        let watcher = Watcher::new(ctx, types, lead_filter, notification_filter)?;
        page(ctx, &watcher, after, usize::try_from(first).unwrap_or_default()).await
    }
}

/// What was read of the log, cut off after `first` events.
async fn page(ctx: &Context<'_>, watcher: &Watcher, after: Cursor, first: usize) -> Result<EventPage> {
    let scope = Arc::new(scope(&watcher.viewer, &watcher.kinds));
    let (deliveries, reached, more) = super::app(ctx).hub.poll(&scope, &after, first).await?;
    let mut page = EventPage { events: Vec::new(), end_cursor: reached, has_more: more };
    let mut deliveries = deliveries.into_iter().peekable();
    while let Some(delivery) = deliveries.next() {
        let cursor = delivery.cursor;
        page.events.extend(watcher.event(delivery).await?);
        if page.events.len() == first && deliveries.peek().is_some() {
            page.end_cursor = cursor;
            page.has_more = true;
            break;
        }
    }
    Ok(page)
}

#[derive(Default)]
pub struct EventSubscription;

#[Subscription]
impl EventSubscription {
    /// Everything that the viewer may be told, in one order and under one cursor: what a page with a cache should use.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Go on after this place; from now on when left out.")] after: Option<Cursor>,
        #[graphql(desc = "Only events of these types. All but PROGRESS when left out.")] types: Option<Vec<EventType>>,
        #[graphql(desc = "Only lead events whose lead matched before or matches after.")] lead_filter: Option<
            LeadFilter,
        >,
        #[graphql(desc = "Only new notifications that match.")] notification_filter: Option<NotificationFilter>,
    ) -> Result<impl Stream<Item = Result<Event>>> {
        let watcher = Watcher::new(ctx, types, lead_filter, notification_filter)?;
        let feed = feed(ctx, &watcher.kinds, after).await?;
        let clock = super::app(ctx).clock.clone();
        let progress = interval_at(Instant::now() + BETWEEN_PROGRESS, BETWEEN_PROGRESS);
        let running = super::running(ctx).clone();
        let follow = Follow { feed, watcher, progress, caught_up: false, clock, running };
        Ok(stream::unfold(Some(follow), |follow| async move {
            let mut follow = follow?;
            match follow.next().await {
                Ok(event) => Some((Ok(event), Some(follow))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed())
    }
}

struct Follow {
    feed: Feed,
    watcher: Watcher,
    progress: Interval,
    caught_up: bool,
    clock: crate::clock::Clock,
    running: Running,
}

impl Follow {
    async fn next(&mut self) -> Result<Event> {
        loop {
            self.running.rest();
            let step = tokio::select! {
                biased;
                step = self.feed.next() => step?,
                _ = self.progress.tick(), if self.caught_up && self.watcher.progress => return Ok(self.at_rest()),
            };
            match step {
                Step::CaughtUp => {
                    self.caught_up = true;
                    if self.watcher.progress {
                        return Ok(self.at_rest());
                    }
                }
                Step::Event(delivery) => {
                    self.running.work(Work::Event).await;
                    if let Some(event) = self.watcher.event(delivery).await? {
                        return Ok(event);
                    }
                }
            }
        }
    }

    fn at_rest(&self) -> Event {
        Event::Progress(ProgressEvent { cursor: self.feed.cursor(), occurred_at: self.clock.now() })
    }
}
