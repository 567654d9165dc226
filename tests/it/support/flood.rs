//! More than a connection can hold for a client that does not read: some tens of megabytes of events.

use std::fmt::Write;

use serde_json::{Value, json};

use super::TestServer;

/// A lead that was changed many times. Everyone in the tenant `demo` may hear of it.
pub struct Flood {
    /// From here on it all comes.
    pub after: Value,
}

impl Flood {
    /// How many events there are.
    pub const LENGTH: usize = 120;
    /// How often each repeats 3,000 characters.
    const WIDTH: usize = 100;

    pub async fn prepare(server: &TestServer) -> Self {
        let admin = server.user("demo", "admin");
        let id = server.open(json!({ "description": "x".repeat(3_000) })).await;
        let after = admin.stream_cursor().await;
        let numbers: Vec<_> = (0..Self::LENGTH).collect();
        for some in numbers.chunks(30) {
            let mut changes = String::new();
            for n in some {
                let _ = write!(
                    changes,
                    "u{n}: updateLead(input: {{ id: $id, title: \"{n}\" }}) {{ userErrors {{ code }} }} "
                );
            }
            let changed = admin.query(&format!("mutation($id: ID!) {{ {changes} }}"), json!({ "id": id })).await;
            assert!(changed.user_errors().is_empty(), "{changed}");
        }
        Self { after }
    }

    /// The subscription to it, with the variable `after`.
    pub fn document() -> String {
        let wide: Vec<_> = (0..Self::WIDTH).map(|n| format!("d{n}: description")).collect();
        format!(
            "subscription($after: Cursor) {{ leadUpdated(after: $after) {{ cursor lead {{ title {} }} }} }}",
            wide.join(" ")
        )
    }

    /// Which event this is, from 0 on; `event` is the value of `leadUpdated`.
    #[track_caller]
    pub fn number(event: &Value) -> usize {
        let title = event["lead"]["title"].as_str().and_then(|title| title.parse().ok());
        title.unwrap_or_else(|| panic!("not of the flood: {event:#}"))
    }
}
