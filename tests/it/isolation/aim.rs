//! What can be aimed at in a tenant: its ids, its users, its references, its texts, its places in lists and in the log.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use leadcast::{events::Cursor, ids::Id};
use serde::Serialize;
use serde_json::Value;

use super::market::text;
use crate::support::api::{ADMIN, CASEY, PAT, ROBOT, Who, unique};

/// By what a tenant's things are recognised.
pub struct Words {
    pub tenant: &'static str,
    /// In every text.
    pub word: &'static str,
    phone: &'static str,
    /// In every amount, as a factor.
    pub unit: i64,
}

pub const DEMO: Words = Words { tenant: "demo", word: "quagga", phone: "+27 21 555 0142", unit: 1_000_003 };
pub const RIVAL: Words = Words { tenant: "rival", word: "dodo", phone: "+27 21 666 0153", unit: 1 };
/// Of nobody.
const NOWHERE: Words = Words { tenant: "", word: "moa", phone: "+27 21 777 0164", unit: 1 };

/// What requests name. All of it text, so that what an answer repeats of one aim can be replaced by what it would
/// repeat of another.
#[derive(Clone, Default, Serialize)]
pub struct Aim {
    /// Casey's, open, claimed by Pat and others.
    pub lead: String,
    /// Pat's claim on it.
    pub claim: String,
    /// Casey's, waiting for review.
    pub review: String,
    pub full: String,
    /// Costs more than anybody has.
    pub dear: String,
    // Notifications of the lead: Pat's, which is not read; the administrator's, which is; Casey's, which is in the archive; the
    // integrator's, which is put off.
    pub note: String,
    pub read_note: String,
    pub archived_note: String,
    pub snoozed_note: String,
    /// A delivery to Pat that was given up.
    pub delivery: String,
    // Users that the other tenant does not have.
    pub customer: String,
    pub provider: String,
    /// A provider to be given credits, and one to be changed.
    pub newcomer: String,
    pub person: String,
    /// Casey's own for `lead`.
    pub reference: String,
    /// Of movements of Pat's wallet and Quinn's.
    pub payment: String,
    pub gift: String,
    /// Of those notifications.
    pub news: String,
    /// Not used yet.
    pub fresh: String,
    // What is written in `lead`.
    pub word: String,
    pub category: String,
    pub country: String,
    pub region: String,
    pub city: String,
    pub attribute: String,
    pub topic: String,
    pub email: String,
    pub phone: String,
    // Places.
    pub cursor: String,
    pub leads_after: String,
    pub leads_before: String,
    pub claims_after: String,
    pub claims_before: String,
    pub users_after: String,
    pub notes_after: String,
    pub notes_before: String,
    pub deliveries_after: String,
    /// In the log, after those notifications were made.
    pub up_to: String,
    #[serde(skip)]
    pub of_viewer: Own,
}

/// What requests name of the tenant that sends them, whatever they aim at.
#[derive(Clone, Default)]
pub struct Own {
    /// Places in the log: before the market, and after it.
    pub start: String,
    pub end: String,
    /// A lead of Casey's that waits for review, to be the first that is heard of.
    pub fence: String,
}

/// One of each role, the same in both tenants.
pub fn crew(tenant: &'static str) -> [Who; 4] {
    [ADMIN, ROBOT, CASEY, PAT].map(|who| Who { tenant, ..who })
}

impl Words {
    /// With nothing in it that the database has made.
    pub fn aim(&self) -> Aim {
        let word = self.word;
        let (of, at) = (|what: &str| format!("{word}-{what}"), |what: &str| format!("{} {what}", self.title()));
        Aim {
            customer: of("customer"),
            provider: of("provider"),
            newcomer: of("newcomer"),
            person: of("person"),
            reference: of("order"),
            payment: of("payment"),
            gift: of("gift"),
            news: of("news"),
            fresh: unique(&of("fresh")),
            word: word.to_owned(),
            category: at("wiring"),
            country: at("land"),
            region: at("hills"),
            city: at("town"),
            attribute: of("rooms"),
            topic: of("orders"),
            email: format!("casey@{word}.example.com"),
            phone: self.phone.to_owned(),
            ..Aim::default()
        }
    }

    /// The word as a name.
    pub fn title(&self) -> String {
        format!("{}{}", self.word[..1].to_uppercase(), &self.word[1..])
    }
}

impl Aim {
    /// The same, but of nothing that there is: ids that nobody has, users that nobody is, the same places as if they were of
    /// rows that nobody has.
    pub fn nowhere(&self) -> Self {
        let nobodys = |cursor: &str| {
            let cursor = Cursor::parse(cursor).expect("a cursor");
            Cursor { tenant: Id::random(), ..cursor }.to_string()
        };
        Self {
            lead: id_of(1),
            claim: id_of(2),
            review: id_of(3),
            full: id_of(4),
            dear: id_of(5),
            note: id_of(7),
            read_note: id_of(8),
            archived_note: id_of(9),
            snoozed_note: id_of(10),
            delivery: id_of(11),
            cursor: nobodys(&self.cursor),
            up_to: nobodys(&self.up_to),
            leads_after: elsewhere(&self.leads_after),
            leads_before: elsewhere(&self.leads_before),
            claims_after: elsewhere(&self.claims_after),
            claims_before: elsewhere(&self.claims_before),
            users_after: elsewhere(&self.users_after),
            notes_after: elsewhere(&self.notes_after),
            notes_before: elsewhere(&self.notes_before),
            deliveries_after: elsewhere(&self.deliveries_after),
            of_viewer: self.of_viewer.clone(),
            ..NOWHERE.aim()
        }
    }

    /// A text that repeats what was aimed at, as it would be of another aim.
    pub fn replaced(&self, answer: &str, by: &Self) -> String {
        let [own, other] = [self, by].map(|aim| serde_json::to_value(aim).expect("texts"));
        let own = own.as_object().into_iter().flatten();
        let mut pairs: Vec<_> = own.map(|(name, value)| (text(value), text(&other[name]))).collect();
        pairs.sort_by_key(|(own, _)| std::cmp::Reverse(own.len()));
        pairs.iter().fold(answer.to_owned(), |answer, (own, other)| answer.replace(own, other))
    }
}

/// A page cursor of a row that nobody has, where that row was.
fn elsewhere(cursor: &str) -> String {
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let mut place: Value = serde_json::from_str(&decoded.expect("a page cursor is text")).expect("and JSON");
    // The first is the list's name.
    forget(&mut place[1]);
    BASE64_URL_SAFE_NO_PAD.encode(place.to_string())
}

fn forget(place: &mut Value) {
    match place {
        Value::Array(list) => list.iter_mut().for_each(forget),
        Value::Object(object) => object.values_mut().for_each(forget),
        Value::String(id) if id.len() == id_of(0).len() => *id = id_of(6),
        Value::String(user) => user.push('-'),
        _ => {}
    }
}

/// An id that nobody has.
fn id_of(n: u8) -> String {
    format!("ffffffff-ffff-7fff-bfff-ffffffffff{n:02}")
}
