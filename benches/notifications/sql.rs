//! What the two engines write differently.

use uuid::Uuid;

use crate::support::Engine;

pub fn uuid(engine: Engine, id: Uuid) -> String {
    match engine {
        Engine::Sqlite => format!("x'{}'", id.simple()),
        Engine::Postgres => format!("'{id}'::uuid"),
    }
}

/// The id that begins with `prefix` (20 digits) and ends with the number that `number` comes to.
pub fn numbered(engine: Engine, prefix: &str, number: &str) -> String {
    match engine {
        Engine::Sqlite => format!("unhex('{prefix}' || printf('%012x', {number}))"),
        Engine::Postgres => format!("('{prefix}' || lpad(to_hex({number}), 12, '0'))::uuid"),
    }
}

/// The same in Rust.
pub fn numbered_uuid(prefix: &str, number: u64) -> Uuid {
    Uuid::parse_str(&format!("{prefix}{number:012x}")).expect("20 and 12 digits")
}

/// A moment from microseconds since 1970.
pub fn moment(engine: Engine, micros: &str) -> String {
    match engine {
        Engine::Sqlite => format!("({micros})"),
        Engine::Postgres => format!("(timestamptz 'epoch' + ({micros}) * interval '1 microsecond')"),
    }
}

pub fn now(engine: Engine) -> String {
    match engine {
        Engine::Sqlite => "unixepoch() * 1000000".to_owned(),
        Engine::Postgres => "now()".to_owned(),
    }
}

pub fn boolean(engine: Engine, value: bool) -> String {
    match engine {
        Engine::Sqlite => i32::from(value).to_string(),
        Engine::Postgres => value.to_string(),
    }
}

pub fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub fn json(engine: Engine, value: &serde_json::Value) -> String {
    let text = text(&value.to_string());
    match engine {
        Engine::Sqlite => format!("jsonb({text})"),
        Engine::Postgres => format!("{text}::jsonb"),
    }
}

/// A field of an object that is kept as JSON, or of one that is kept as text.
pub fn field(engine: Engine, object: &str, name: &str) -> String {
    match engine {
        Engine::Sqlite => format!("json_extract({object}, '$.{name}')"),
        Engine::Postgres => format!("({object}::jsonb->>'{name}')::bigint"),
    }
}

/// The numbers from `first` to `last`, as a query with the column `i`.
pub fn series(engine: Engine, first: u64, last: u64) -> String {
    match engine {
        Engine::Sqlite => format!(
            "WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last}) SELECT i FROM n"
        ),
        Engine::Postgres => format!("SELECT n::bigint AS i FROM generate_series({first}, {last}) AS n"),
    }
}
