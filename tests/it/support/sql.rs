//! The database behind the server's back: a plain connection, as an operator's shell would have it.

use std::sync::{Mutex, PoisonError};

use diesel::{
    Connection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query, sql_types,
    sqlite::SqliteConnection,
};
use leadcast::db::Target;
use tokio_postgres::NoTls;

use super::{TestServer, wire::eventually};

pub enum Sql {
    Sqlite(Mutex<SqliteConnection>),
    Postgres(tokio_postgres::Client),
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    value: Option<String>,
}

/// Everything that a refused mutation must leave as it was, in a line.
const TRACES: [&str; 14] = [
    "SELECT count(*) || '/' || coalesce(sum(version), 0) FROM leads",
    "SELECT count(*) || '/' || coalesce(sum(version), 0) FROM claims",
    "SELECT count(*) || '/' || coalesce(sum(version), 0) || '/' || coalesce(sum(balance), 0) FROM wallets",
    "SELECT count(*) || '/' || coalesce(sum(balance), 0) FROM ledger_entries",
    "SELECT count(*) || '/' || coalesce(max(id), 0) FROM events",
    "SELECT count(*) || '/' || sum(length(name || role || coalesce(email, '') || coalesce(phone, ''))) FROM users",
    "SELECT count(*) || '/' || coalesce(sum(length(name || coalesce(email, '') || coalesce(phone, ''))), 0) FROM contacts",
    "SELECT count(*) || '/' || coalesce(sum(length(key || value)), 0) FROM lead_attributes",
    "SELECT count(*) || '/' || coalesce(sum(version + min_score), 0) FROM provider_profiles",
    "SELECT count(*) || '/' || coalesce(sum(length(category)), 0) FROM provider_categories",
    "SELECT sum(default_lead_price + default_max_claims + lead_lifetime_hours + competitive_at)
        || max(currency) || sum(length(CAST(default_rules AS text))) FROM tenants",
    "SELECT count(*) || '/' || coalesce(sum(version), 0) FROM notification_preferences",
    "SELECT count(*) || '/' || coalesce(sum(length(title || message || priority || folder) + length(CAST(unread AS text))), 0)
        FROM notifications",
    "SELECT count(*) || '/' || coalesce(sum(unread), 0) FROM unread_counts",
];

impl Sql {
    pub async fn of(server: &TestServer) -> Self {
        Self::open(&server.app.settings.database()).await
    }

    pub async fn open(target: &Target) -> Self {
        match target {
            Target::Sqlite(path) => {
                let path = path.to_str().expect("a path in UTF-8");
                let mut connection = SqliteConnection::establish(path).expect("the file can be opened");
                connection.batch_execute("PRAGMA busy_timeout = 20000").expect("a pragma");
                Self::Sqlite(connection.into())
            }
            Target::Postgres(url) => {
                let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
                tokio::spawn(connection);
                Self::Postgres(client)
            }
        }
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Runs a statement; the error as the database words it.
    pub async fn run(&self, statement: &str) -> Result<(), String> {
        match self {
            Self::Sqlite(connection) => {
                let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                connection.batch_execute(statement).map_err(|error| error.to_string())
            }
            Self::Postgres(client) => {
                let done = client.batch_execute(statement).await;
                done.map_err(|error| error.as_db_error().map_or_else(|| error.to_string(), |e| e.message().to_owned()))
            }
        }
    }

    /// The one value of a query of texts.
    pub async fn text(&self, query: &str) -> String {
        let query = format!("SELECT CAST(({query}) AS text) AS value");
        let value = match self {
            Self::Sqlite(connection) => {
                let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                let row: Row =
                    sql_query(&query).get_result(&mut *connection).unwrap_or_else(|e| panic!("{query}: {e}"));
                row.value
            }
            Self::Postgres(client) => {
                client.query_one(&query, &[]).await.unwrap_or_else(|error| panic!("{query}: {error:?}")).get(0)
            }
        };
        value.unwrap_or_default()
    }

    /// Until all that has happened has been turned into notifications.
    pub async fn all_is_told(&self) {
        let behind = "SELECT count(*) FROM distributions
            WHERE event_id < (SELECT max(id) FROM events WHERE events.tenant_id = distributions.tenant_id)";
        eventually("everything to be told", async || self.text(behind).await == "0").await;
    }

    /// What is in the database, as far as a mutation could have changed it.
    pub async fn traces(&self) -> String {
        self.all_is_told().await;
        let mut traces = Vec::new();
        for query in TRACES {
            traces.push(self.text(query).await);
        }
        traces.join(" ")
    }
}
