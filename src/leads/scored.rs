//! Lists in which it matters how well a lead matches the viewer. No database knows that: the leads that pass the rest of the
//! filter are looked at here, a chunk at a time, without their texts.

use diesel::prelude::{Queryable, Selectable};

use super::{
    Lead, LeadId, LeadOrder, LeadOrderField, Location, OrderDirection, Urgency,
    list::{Key, Places, Selection},
    store::{
        self,
        listing::{self, Way},
    },
};
use crate::{
    clock::Timestamp,
    db::{Tx, schema},
    error::Result,
    ids::TenantId,
    json::JsonText,
    matching::{ProviderProfile, Scorable, points},
    money::{Amount, Credits},
    paging::{EXAMINED, Page, PageRequest},
};

/// Of a lead what its score and its place are made of.
#[derive(Queryable, Selectable)]
#[diesel(table_name = schema::leads)]
pub struct Outline {
    id: LeadId,
    category: String,
    urgency: Urgency,
    #[diesel(embed)]
    location: Location,
    attributes: Option<JsonText>,
    budget: Option<Amount>,
    price: Credits,
    created_at: Timestamp,
    expiry_order: Timestamp,
}

impl Outline {
    fn score(&self, profile: &ProviderProfile) -> Option<i32> {
        let lead = Scorable {
            category: &self.category,
            urgency: self.urgency,
            location: &self.location,
            attributes: self.attributes.as_ref().map(JsonText::value),
            budget: self.budget,
        };
        points(&lead, profile)
    }

    fn key(&self, field: LeadOrderField) -> Key {
        listing::key(field, (self.created_at, self.expiry_order, self.price, self.id))
    }
}

/// Leads read at once: few at first, since a page may be full soon; never so many that their attributes would be large.
const FIRST_CHUNK: i64 = 100;
const LARGEST_CHUNK: i64 = 1_000;

/// A page of the leads whose score the filter lets through, in an order of the database.
pub async fn filtered(
    tenant: TenantId,
    tx: &Tx,
    selection: &Selection,
    order: LeadOrder,
    profile: &ProviderProfile,
    page: &PageRequest<Key>,
) -> Result<Page<Lead, Key>> {
    if !profile.matches_anything() {
        return Ok(page.page(Vec::new(), None, page.count.then_some(0)));
    }
    let way =
        Way { selection, field: order.field, descending: (order.direction == OrderDirection::Desc) != page.backward };
    let stops_at = listing::stops_at(tenant, tx, way, page.from).await?;
    let wanted = |outline: &Outline| selection.filter.takes_score(outline.score(profile));
    let mut found = Vec::new();
    let enough = page.size + 1;
    walk(tenant, tx, way, page.from, stops_at, |outline| {
        if wanted(&outline) {
            found.push(outline.id);
        }
        found.len() < enough
    })
    .await?;
    let mut total = None;
    if page.count && listing::is_short(tenant, tx, way).await? {
        let mut count = 0;
        walk(tenant, tx, way, None, None, |outline| {
            count += i64::from(wanted(&outline));
            true
        })
        .await?;
        total = Some(count);
    }
    Ok(page.page(leads(tenant, tx, &found).await?, stops_at, total))
}

/// A page in the order of scores: of the newest leads that may be examined.
pub async fn in_order(
    tenant: TenantId,
    tx: &Tx,
    selection: &Selection,
    places: &Places,
    profile: &ProviderProfile,
    page: &PageRequest<Key>,
) -> Result<Page<Lead, Key>> {
    let newest = Way { selection, field: LeadOrderField::CreatedAt, descending: true };
    let stops_at = listing::stops_at(tenant, tx, newest, None).await?;
    let mut ranked: Vec<(Rank, LeadId)> = Vec::new();
    walk(tenant, tx, newest, None, stops_at, |outline| {
        let score = outline.score(profile);
        if selection.filter.takes_score(score) {
            ranked.push((rank(places.by_score(score, outline.created_at, outline.id)), outline.id));
        }
        i64::try_from(ranked.len()).is_ok_and(|found| found < EXAMINED)
    })
    .await?;
    let total = if page.count && listing::is_short(tenant, tx, newest).await? {
        i64::try_from(ranked.len()).ok()
    } else {
        None
    };

    let descending = (places.order.direction == OrderDirection::Desc) != page.backward;
    ranked.sort_unstable_by_key(|(rank, _)| *rank);
    if descending {
        ranked.reverse();
    }
    let from = page.from.map(rank);
    let beyond = |rank: Rank| from.is_none_or(|from| if descending { rank < from } else { rank > from });
    let found = ranked.into_iter().filter(|(rank, _)| beyond(*rank)).map(|(_, id)| id).take(page.size + 1);
    Ok(page.page(leads(tenant, tx, &found.collect::<Vec<_>>()).await?, None, total))
}

/// By what the order of scores goes.
type Rank = (i32, i64, [u8; 16]);

fn rank(key: Key) -> Rank {
    match key {
        Key::Score { score, at, id, .. } => (score, at.as_micros(), id.uuid().into_bytes()),
        Key::Time(at, id) => (0, at.as_micros(), id.uuid().into_bytes()),
        Key::Price(_, id) => (0, 0, id.uuid().into_bytes()),
    }
}

/// Shows `each` what is on the way, from `from` up to `up_to`, as long as it wants more.
async fn walk(
    tenant: TenantId,
    tx: &Tx,
    way: Way<'_>,
    mut from: Option<Key>,
    up_to: Option<Key>,
    mut each: impl FnMut(Outline) -> bool,
) -> Result<()> {
    let mut size = FIRST_CHUNK;
    loop {
        let chunk = listing::outlines(tenant, tx, way, from, up_to, size).await?;
        let last = i64::try_from(chunk.len()).is_ok_and(|found| found < size);
        from = chunk.last().map(|outline| outline.key(way.field));
        for outline in chunk {
            if !each(outline) {
                return Ok(());
            }
        }
        if last {
            return Ok(());
        }
        size = (size * 2).min(LARGEST_CHUNK);
    }
}

/// The leads of these ids, in this order.
async fn leads(tenant: TenantId, tx: &Tx, ids: &[LeadId]) -> Result<Vec<Lead>> {
    let mut found = store::find_many(tenant, tx, ids).await?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}
