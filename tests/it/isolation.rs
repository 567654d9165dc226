//! One tenant never finds anything of another's: every root field of the schema, asked for everything that it can show,
//! with arguments that name the other tenant's things in every way there is (`isolation/table.rs`).
//!
//! Two tenants have the same market (`isolation/market.rs`): users of the same ids, leads, claims, credits; one of them in words
//! and amounts that are nowhere else. Whatever its own users are shown is a secret. The other tenant's users then
//!
//! - are answered as if it did not exist: the same bytes as when they name what nobody has, and no secret in them;
//! - see their own things as they saw them before the other tenant did all that it can do;
//! - hear nothing of that on any stream;
//! - change nothing of it, by what they do to its things or to their own: its rows stay as they are.
//!
//! And its own users find what the others do not, so that none of this is true only because nothing is asked; together
//! they are shown every field of every type.

mod aim;
mod crew;
mod life;
mod market;
mod schema;
mod secrets;
mod streams;
mod table;

use std::collections::BTreeSet;

use leadcast::events::{Kind, Scope, log};

use self::{
    aim::{Aim, DEMO, RIVAL},
    crew::{Answers, Crew, same},
    life::life,
    streams::Ears,
    table::{MUTATIONS, QUERIES, Row, SUBSCRIPTIONS},
};
use crate::{
    contract::root_fields,
    support::{Engine, TestServer, both_engines, market::Market, sql::Sql, wire::eventually},
};

both_engines!(nothing_of_another_tenant_is_found, the_log_is_read_by_tenant);

/// Fields that nobody can be shown anything in. This list may only shrink.
const NEVER_SHOWN: &[&str] = &[];

/// What is wrong, in words: all of it is wanted, not only the first.
type Complaints = Vec<String>;

fn rows() -> impl Iterator<Item = &'static Row> {
    QUERIES.iter().chain(MUTATIONS).chain(SUBSCRIPTIONS)
}

#[test]
fn every_root_field_is_tried() {
    let tried: BTreeSet<String> = rows().map(|row| row.root.to_owned()).collect();
    let roots: BTreeSet<String> = root_fields().into_iter().collect();
    assert_eq!(tried.len(), rows().count(), "a root is in the table once");
    let missing: Vec<_> = roots.difference(&tried).collect();
    assert!(missing.is_empty(), "how would another tenant try these? {missing:?}");
    let gone: Vec<_> = tried.difference(&roots).collect();
    assert!(gone.is_empty(), "these are no more: {gone:?}");
}

#[test]
fn every_argument_is_sent() {
    let aim = Aim::default();
    let sent = rows().flat_map(|row| (row.tries)(&aim).into_iter().map(move |one| (row.root, one)));
    let sent: BTreeSet<String> = sent.flat_map(|(root, one)| schema::sent(root, &one.arguments)).collect();
    let missing: Vec<_> = schema::sendable().difference(&sent).cloned().collect();
    assert!(missing.is_empty(), "no try sends these: {missing:?}");
}

async fn nothing_of_another_tenant_is_found(engine: Engine) {
    let server = TestServer::start(engine).await;
    // The rival's first, so that its lists go on where the places in the other's are.
    let own = RIVAL.market(&server).await;
    let demo = DEMO.market(&server).await;
    let aimed = Aim { of_viewer: own.of_viewer.clone(), ..demo.clone() };
    let control = Aim { of_viewer: own.of_viewer.clone(), ..demo.nowhere() };
    let rival = Crew::of(&server, &RIVAL);

    let mut ears = Ears::open(&server, &RIVAL, &aimed).await;
    let before = rival.look(&control).await;
    let (secrets, mut wrong) = life(&server, &demo).await;
    server.all_is_told().await;
    let after = rival.look(&control).await;
    wrong.extend(changes(&before, &after));

    wrong.extend(rival.queries(&aimed, &control, &after, &secrets).await);
    wrong.extend(ears.fence(&server, &RIVAL, &aimed, &secrets).await);
    wrong.extend(ears.close(&secrets).await);
    let (sql, tenant) = (Sql::of(&server).await, Market { server: &server, tenant: DEMO.tenant }.tenant_id().await);
    let going_out = "SELECT count(*) FROM deliveries WHERE message_id IS NOT NULL AND next_attempt_at IS NOT NULL";
    eventually("what goes out to have gone", async || sql.text(going_out).await == "0").await;
    let rows = sql.rows_of(&tenant.to_string()).await;
    wrong.extend(rival.live(&server, &RIVAL, &own, &secrets).await);
    wrong.extend(rival.mutations(&server, &aimed, &control, &secrets).await);
    let tables = sql.rows_of(&tenant.to_string()).await.into_iter().filter(|(table, now)| rows[table] != *now);
    wrong.extend(tables.map(|(table, now)| format!("the rival has changed {table} from {} to {now}", rows[&table])));
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// What the rival sees otherwise than before.
fn changes(before: &[Answers], after: &[Answers]) -> Complaints {
    let pairs = before.iter().flatten().zip(after.iter().flatten());
    let changed = pairs.filter(|((_, before), (_, after))| !same(before, after));
    changed
        .map(|((who, before), (_, after))| format!("{} of {} saw {before}, and now {after}", who.user, who.tenant))
        .collect()
}

/// Where the hub's memory does not reach back to, streams and polls read the log itself.
async fn the_log_is_read_by_tenant(engine: Engine) {
    let server = TestServer::start(engine).await;
    for market in Market::both(&server) {
        let lead = market.open("a lead", serde_json::json!({})).await;
        market.claim("pat", &lead).await.field("claimLead");
    }
    for market in Market::both(&server) {
        let tenant = market.tenant_id().await;
        let kinds =
            vec![Kind::LeadCreated, Kind::LeadClaimed, Kind::LeadUpdated, Kind::ClaimUpdated, Kind::BalanceUpdated];
        let scope = Scope { tenant, user: "pat".into(), kinds };
        let read = async move |tx: &_| log::read_scope(tenant, tx, &scope, 0, i64::MAX, 1_000).await;
        let (records, _) = server.app.db.read(tenant, read).await.expect("the log can be read");
        // Submitted, opened, claimed and paid for; and pat's first credits.
        assert_eq!(records.len(), 5, "{records:#?}");
        assert!(records.iter().all(|record| record.tenant == tenant), "{records:#?}");
    }
}
