//! A user with very many notifications, written by SQL: of all types, in all folders, over ninety days.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use leadcast::clock::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::{
    sql,
    support::{Connection, Engine},
    world::{Tenant, World},
};

/// Rows of one statement.
const STEP: u64 = 50_000;
const SPAN: Duration = Duration::from_hours(90 * 24);
/// Leads and references that they are about. A twentieth of all is about the first of each.
const LEADS: u64 = 1_000;

pub struct Inbox {
    pub user: &'static str,
    pub count: u64,
    /// The first ten bytes of the ids.
    prefix: String,
    begins: Timestamp,
}

impl Inbox {
    /// Of a user of `tenant`. `unread`: all of them are unread and in the inbox.
    pub async fn fill(world: &World, tenant: &Tenant, user: &'static str, count: u64, unread: bool) -> Self {
        let engine = world.engine;
        let begins = leadcast::clock::Clock::default().now().minus(SPAN);
        let inbox = Self { user, count, prefix: Uuid::now_v7().simple().to_string()[..20].to_owned(), begins };
        let mut conn = world.connect().await;
        if engine == Engine::Sqlite {
            conn.execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -524288; PRAGMA temp_store = MEMORY").await;
        }
        let style = ProgressStyle::with_template("{msg} {wide_bar} {percent} %").expect("a template");
        let bar = ProgressBar::new(count).with_style(style).with_message(format!("{engine}: {count} rows"));
        for first in (0..count).step_by(usize::try_from(STEP).expect("a small number")) {
            let last = (first + STEP).min(count) - 1;
            conn.execute(&inbox.insert(engine, tenant, first, last, unread)).await;
            bar.set_position(last + 1);
        }
        bar.finish_and_clear();
        inbox.count_unread(&mut conn, engine, tenant).await;
        inbox
    }

    /// The moment at this share of the time that they are from.
    pub fn at(&self, share: f64) -> Timestamp {
        self.begins.plus(SPAN.mul_f64(share))
    }

    /// The lead and the reference that most of them are about.
    pub fn lead(&self) -> Uuid {
        sql::numbered_uuid(&self.prefix, 0)
    }

    pub fn reference() -> &'static str {
        "r0"
    }

    fn insert(&self, engine: Engine, tenant: &Tenant, first: u64, last: u64, unread: bool) -> String {
        let step = SPAN.as_micros() / u128::from(self.count);
        let created = sql::moment(engine, &format!("{} + i * {step}", self.begins.as_micros()));
        let minute_later = sql::moment(engine, &format!("{} + 60000000 + i * {step}", self.begins.as_micros()));
        let in_a_month = sql::moment(engine, &self.at(4.0 / 3.0).as_micros().to_string());
        let (series, tenant) = (sql::series(engine, first, last), sql::uuid(engine, tenant.id));
        let id = sql::numbered(engine, &self.prefix, "i");
        let lead = sql::numbered(engine, &self.prefix, "about");
        let found = sql::json(engine, &found());
        let none = match engine {
            Engine::Sqlite => "NULL",
            Engine::Postgres => "NULL::timestamptz",
        };
        let (folder, is_unread) = if unread {
            ("'INBOX'".to_owned(), "1 = 1".to_owned())
        } else {
            let place = dice(1);
            let folder =
                format!("CASE WHEN {place} < 20 THEN 'ARCHIVED' WHEN {place} < 23 THEN 'SNOOZED' ELSE 'INBOX' END");
            (folder, format!("{} < 30", dice(2)))
        };
        let (kind, popular) = (dice(3), dice(4));
        format!(
            "INSERT INTO notifications (tenant_id, id, recipient_id, notification_type, topic, priority, title, message, data, reference,
                 subject_id, lead_id, claim_id, lead_match, tier, category, folder, unread, read_at, opened_at, archived_at,
                 snoozed_until, created_at, event_id, search_text)
             SELECT {tenant}, {id}, '{user}', kind, CASE WHEN kind = 'CUSTOM' THEN topic END, 'NORMAL', 'New lead',
                 'New Electrical lead in Cape Town', NULL, CASE WHEN kind IN ('CUSTOM', 'ANNOUNCEMENT') THEN 'r' || about END,
                 {id}, CASE WHEN kind LIKE 'LEAD%' THEN {lead} END, NULL, CASE WHEN kind = 'LEAD_MATCHED' THEN {found} END,
                 CASE WHEN kind = 'LEAD_MATCHED' THEN 'GOOD' END, CASE WHEN kind LIKE 'LEAD%' THEN 'Electrical' END,
                 folder, unread, CASE WHEN NOT unread THEN {minute_later} ELSE {none} END, {none},
                 CASE WHEN folder = 'ARCHIVED' THEN {minute_later} ELSE {none} END,
                 CASE WHEN folder = 'SNOOZED' THEN {in_a_month} ELSE {none} END, {created}, 0, 'new lead new electrical lead in cape town'
             FROM (SELECT i, {folder} AS folder, ({is_unread}) AS unread,
                 CASE WHEN {kind} < 40 THEN 'LEAD_MATCHED' WHEN {kind} < 46 THEN 'LEAD_COMPETITIVE' WHEN {kind} < 50 THEN 'LEAD_FULL'
                     WHEN {kind} < 58 THEN 'CLAIM_CONFIRMED' WHEN {kind} < 64 THEN 'LEAD_CLAIMED' WHEN {kind} < 74 THEN 'BALANCE_CHANGED'
                     WHEN {kind} < 77 THEN 'BALANCE_LOW' WHEN {kind} < 85 THEN 'ANNOUNCEMENT' ELSE 'CUSTOM' END AS kind,
                 CASE {kind} % 3 WHEN 0 THEN 'order.status' WHEN 1 THEN 'chat.message' ELSE 'invoice.paid' END AS topic,
                 CASE WHEN {popular} < 5 THEN 0 ELSE (i / 7) % {LEADS} END AS about
                 FROM ({series}) AS s) AS r;",
            user = self.user,
        )
    }

    async fn count_unread(&self, conn: &mut Connection, engine: Engine, tenant: &Tenant) {
        let (user, tenant) = (self.user, sql::uuid(engine, tenant.id));
        let (unread, now) = (sql::boolean(engine, true), sql::now(engine));
        let epoch = sql::moment(engine, "0");
        conn.execute(&format!(
            "INSERT INTO users (tenant_id, id, name, role, tokens_valid_from, search_text, created_at)
                 VALUES ({tenant}, '{user}', 'A user', 'PROVIDER', {epoch}, 'a user', {now});
             INSERT INTO unread_counts (tenant_id, user_id, unread) SELECT {tenant}, '{user}', count(*) FROM notifications
                 WHERE tenant_id = {tenant} AND recipient_id = '{user}' AND folder = 'INBOX' AND unread = {unread};"
        ))
        .await;
    }
}

/// A number below a hundred that seems to have nothing to do with `i`, nor with what another die says.
fn dice(die: usize) -> String {
    let factor = [2_654_435_761_u64, 2_246_822_519, 3_266_489_917, 668_265_263][die - 1];
    format!("((i * {factor} / 65536) % 100)")
}

/// A match as distribution writes it.
fn found() -> serde_json::Value {
    let reason = |code: &str, points: i32, text: &str| json!({ "code": code, "points": points, "text": text });
    json!({ "score": 78, "tier": "GOOD", "priority": "NORMAL", "reasons": [
        reason("CATEGORY", 25, "Wants Electrical"), reason("AREA", 35, "Serves Western Cape"),
        reason("BUDGET", 15, "The budget is at or above the minimum"), reason("URGENCY", 3, "Urgency is NORMAL"),
    ] })
}
