//! `deliveries`: what goes out of the application, newest first, in pages.

use std::collections::BTreeSet;

use async_graphql::InputObject;
use strum::VariantArray;

use super::{CHANNELS, Delivery, DeliveryId, DeliveryStatus, store};
use crate::{
    auth::Viewer,
    clock::Timestamp,
    db::Db,
    error::{Fault, Result},
    ids::UserId,
    paging::{Page, PageArgs},
    preferences::Channel,
};

/// The list's name in its cursors, whatever the filter.
pub const LIST: &str = "deliveries";

/// A place in it.
pub type Key = (Timestamp, DeliveryId);

/// Which deliveries.
#[derive(InputObject, Clone, Default, Debug)]
pub struct DeliveryFilter {
    /// Only deliveries with one of these statuses.
    pub statuses: Option<BTreeSet<DeliveryStatus>>,
    /// Only deliveries on one of these channels. There are none on IN_APP.
    pub channels: Option<BTreeSet<Channel>>,
    /// Only deliveries to this user.
    pub recipient_id: Option<UserId>,
}

/// Along which index they are read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// All of the tenant.
    All,
    /// A recipient's; those with another status or channel are passed over.
    Of(UserId, BTreeSet<DeliveryStatus>, BTreeSet<Channel>),
    /// Side by side, each with one status and channel.
    By(Vec<(DeliveryStatus, Channel)>),
}

impl Way {
    /// `None` when nothing can match.
    pub(super) fn of(filter: DeliveryFilter) -> Option<Self> {
        let any = filter.statuses.is_some() || filter.channels.is_some();
        let statuses = filter.statuses.unwrap_or_else(|| DeliveryStatus::VARIANTS.iter().copied().collect());
        let channels = filter.channels.unwrap_or_else(|| CHANNELS.into_iter().collect());
        if filter.recipient_id.as_ref().is_some_and(|user| !user.is_valid()) {
            return None;
        }
        Some(match filter.recipient_id {
            Some(user) => Self::Of(user, statuses, channels),
            None if any => {
                let each =
                    |status: &DeliveryStatus| channels.iter().map(|channel| (*status, *channel)).collect::<Vec<_>>();
                Self::By(statuses.iter().flat_map(each).collect())
            }
            None => Self::All,
        })
    }
}

/// For ADMIN and SERVICE.
pub async fn list(db: &Db, viewer: &Viewer, filter: DeliveryFilter, page: PageArgs) -> Result<Page<Delivery, Key>> {
    if !viewer.role.is_operator() {
        return Err(Fault::Forbidden("The deliveries are visible to ADMIN and SERVICE only.").into());
    }
    let page = page.request::<Key>(LIST, false)?;
    let tenant = viewer.tenant;
    match Way::of(filter) {
        Some(way) => db.read(tenant, async move |tx| store::page(tenant, tx, &way, &page).await).await,
        None => Ok(page.page(Vec::new(), None, None)),
    }
}
