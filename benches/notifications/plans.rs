//! How the databases go about what leadcast asks them: its own statements, explained.

use std::collections::BTreeSet;

use leadcast::clock::Timestamp;
use uuid::Uuid;

use crate::{
    fill::Inbox,
    sql,
    support::{Connection, Engine},
    world::Tenant,
};

/// Columns that a page asks for by their values.
const EXACT: [&str; 8] =
    ["tenant_id", "recipient_id", "notification_type", "topic", "lead_id", "reference", "folder", "unread"];

/// What became of the statements of one page.
#[derive(Default)]
pub struct Plans {
    pub indexes: BTreeSet<String>,
    /// Where a plan reads a table or an index from one end to the other, passes rows over, or sorts.
    pub faults: BTreeSet<String>,
}

pub struct Explainer<'a> {
    pub engine: Engine,
    pub conn: Connection,
    pub tenant: &'a Tenant,
    pub inbox: &'a Inbox,
}

impl Explainer<'_> {
    /// Explains those of the statements that read lists of notifications; on PostgreSQL as planned with values and without.
    pub async fn explain(&mut self, statements: &[String]) -> Plans {
        let texts = statements.iter().filter_map(|statement| statement.split(" -- binds:").next());
        // Those of the lists, not of a worker that is at it meanwhile.
        let texts: BTreeSet<_> = texts.filter(|text| text.contains("ORDER BY notifications.created_at")).collect();
        assert!(!texts.is_empty(), "no statement was seen");
        let mut plans = Plans::default();
        for text in texts {
            for line in self.lines(text).await {
                plans.take(self.engine, &line, text);
            }
        }
        plans
    }

    async fn lines(&mut self, text: &str) -> Vec<String> {
        match self.engine {
            // It is compiled not to look at values.
            Engine::Sqlite => self.conn.texts(&format!("EXPLAIN QUERY PLAN {text}")).await,
            Engine::Postgres => {
                let (tenant, values) = (self.tenant.id, self.values(text));
                let begin = format!("BEGIN; SET LOCAL ROLE leadcast_tenant; SET LOCAL leadcast.tenant = '{tenant}'");
                self.conn.execute(&begin).await;
                self.conn.execute(&format!("PREPARE s AS {text}")).await;
                let mut lines = Vec::new();
                for mode in ["force_custom_plan", "force_generic_plan"] {
                    self.conn.execute(&format!("SET LOCAL plan_cache_mode = {mode}")).await;
                    let explain = format!("EXPLAIN (COSTS OFF) EXECUTE s({})", values.join(", "));
                    lines.extend(self.conn.texts(&explain).await);
                }
                self.conn.execute("DEALLOCATE s; ROLLBACK").await;
                lines
            }
        }
    }

    /// For each placeholder a value that its column can have.
    fn values(&self, text: &str) -> Vec<String> {
        text.match_indices('$').map(|(place, _)| self.value(&text[..place])).collect()
    }

    /// For the placeholder that stands behind this text.
    fn value(&self, before: &str) -> String {
        const NAMES: [&str; 11] = [
            "tenant_id",
            "recipient_id",
            "notification_type",
            "topic",
            "lead_id",
            "reference",
            "folder",
            "unread",
            "created_at",
            "LIMIT",
            "OFFSET",
        ];
        let id = || sql::uuid(self.engine, Uuid::nil());
        let moment = |at: Timestamp| sql::moment(self.engine, &at.as_micros().to_string());
        if let Some((_, row)) = before.rsplit_once("(notifications.created_at, notifications.id) ")
            && !row.contains(')')
        {
            return if row.contains(',') { id() } else { moment(self.inbox.at(0.5)) };
        }
        let name = NAMES.into_iter().max_by_key(|name| before.rfind(name));
        let value = match name.expect("there are names") {
            "tenant_id" => sql::uuid(self.engine, self.tenant.id),
            "recipient_id" => sql::text(self.inbox.user),
            "notification_type" => sql::text("CUSTOM"),
            "topic" => sql::text("order.status"),
            "lead_id" => sql::uuid(self.engine, self.inbox.lead()),
            "reference" => sql::text(Inbox::reference()),
            "folder" => sql::text("INBOX"),
            "unread" => sql::boolean(self.engine, true),
            "created_at" => moment(self.inbox.at(if before.ends_with("> ") { 0.25 } else { 0.75 })),
            "LIMIT" => "21".to_owned(),
            _ => "1000".to_owned(),
        };
        if before.ends_with("ANY(") { format!("ARRAY[{value}]") } else { value }
    }
}

impl Plans {
    fn take(&mut self, engine: Engine, line: &str, text: &str) {
        let fault = match engine {
            Engine::Sqlite => {
                // What is compared and not looked up is looked at row by row.
                let compared = EXACT.iter().filter(|name| text.contains(&format!("`{name}` = ")));
                let by_row = compared.filter(|name| !line.contains(&format!("{name}=?"))).count() > 0;
                line.starts_with("SCAN") || line.contains("TEMP B-TREE") || by_row
            }
            Engine::Postgres => {
                let by_row = line.trim_start().starts_with("Filter:");
                by_row || ["Seq Scan", "Sort", "Bitmap"].iter().any(|word| line.contains(word))
            }
        };
        if fault {
            self.faults.insert(format!("{}: {text}", line.trim()));
        }
        let word = match engine {
            Engine::Sqlite => "INDEX ",
            Engine::Postgres => "using ",
        };
        if let Some((_, index)) = line.split_once(word) {
            self.indexes
                .extend(index.split(' ').next().map(|name| name.trim_start_matches("notifications_").to_owned()));
        }
    }
}
