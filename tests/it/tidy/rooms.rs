//! Which room of the house a file belongs to, and what may be brought into it. The tables are the law; the rest reads them.
//!
//! A feature (`leads`, `claims`, …) is a folder whose files have roles: `mod.rs` and every other file without async code are
//! its *rules*, `store.rs` its SQL, `graphql.rs` its API, `loader.rs` its batched look-ups, everything else its *operations*.

use super::{
    imports::{Import, Modules},
    source::Source,
};

/// Room → what its files may use of this crate, besides their own room.
///
/// Rooms and uses are modules (`events`, `events::log`, `auth::Viewer`), or roles of a feature's files: `own store` in the
/// same feature, `store` in another. The most specific line holds. A type is *rules* wherever in its feature it is written,
/// and the type of an id is *ids*. What a feature's `mod.rs` re-exports of its store by name, it offers as an *operation*: that
/// is its decision, not its neighbour's.
const MAY_USE: &[(&str, &str)] = &[
    // The transports.
    (
        "http",
        "admission, app, auth, capacity, clock, config, error, events, execution, gate, graphql, metrics, telemetry::spans, ws",
    ),
    (
        "ws",
        "admission, app, auth, capacity, clock, config, error, events, execution, gate, graphql, metrics, telemetry::spans",
    ),
    ("execution", "admission, app, auth::Viewer, capacity, error, events, gate, graphql, metrics, telemetry::spans"),
    ("admission", "app, auth::Viewer, capacity, clock, config, error, gate, graphql, ids, users::Role"),
    ("gate", "auth::Viewer, config, error, graphql, ids, users::Role"),
    ("graphql", "app, auth, capacity, clock, error, events, graphql api, ids, loader, money, paging, rules"),
    // A feature.
    (
        "graphql api",
        "app, auth::Viewer, clock::Timestamp, error, events, graphql, ids, input, json, loader, money, operations, own loader, \
         own operations, own rules, paging, rules",
    ),
    (
        "operations",
        "app, auth, clock, db, error, events, ids, input, json, money, operations, own operations, own rules, own store, paging, \
         reference, rules, trouble",
    ),
    (
        "rules",
        "auth::Viewer, clock::Timestamp, db::json_value, db::schema, db::text_enum, error, events::record, ids, input, json, money, own rules, \
         paging, reference, rules",
    ),
    ("loader", "auth::Viewer, db, error, graphql::loader, ids, own rules, own store"),
    ("store", "clock::Timestamp, db, error, ids, input, json, money, own rules, own store, paging, users::Role"),
    // What features stand on. It knows no feature, but for the tenant and the role that are in every token.
    ("events", "clock, db, error, ids, metrics, trouble, users::Role"),
    ("events::log", "clock, db, error, events, ids"),
    ("capacity", "auth::Viewer, clock::Timestamp, error, ids, users::Role"),
    ("auth", "clock, config, db, error, events, ids, metrics, tenants, trouble, users"),
    ("db", "clock, config, error, ids, metrics, money, telemetry::spans, trouble"),
    ("input", "error, ids, money"),
    ("json", "db::json_value"),
    ("paging", "error"),
    ("reference", "error"),
    ("config", "config, db, users::Role"),
    ("clock", "db::sql_types"),
    ("ids", "db::sql_types, tenants::Tenant"),
    ("error", "money"),
    ("metrics", "db, error"),
    ("telemetry", "config"),
    ("money", ""),
    // A client of the server, which knows nothing of its inside.
    ("demo", "clock"),
];

/// These put everything together, so they may use everything: nothing but the roots may use *them*.
const ROOTS: &[&str] = &["", "app", "dev", "operate", "workers"];

/// A library that stays in its rooms.
pub struct Fence {
    what: &'static [&'static str],
    /// The rooms that use it.
    inside: &'static [&'static str],
    /// What every feature and every base type may use of it: the derives on domain types.
    free: &'static [&'static str],
}

const FENCES: &[Fence] = &[
    Fence {
        what: &["diesel", "diesel_async", "diesel_migrations", "tokio_postgres"],
        inside: &["store", "events::log", "db"],
        free: &[
            "diesel::deserialize::FromSqlRow",
            "diesel::expression::AsExpression",
            "diesel::prelude::AsChangeset",
            "diesel::prelude::Identifiable",
            "diesel::prelude::Insertable",
            "diesel::prelude::Queryable",
            "diesel::prelude::Selectable",
            "diesel::AsChangeset",
            "diesel::Insertable",
            "diesel::Queryable",
            "diesel::Selectable",
            "diesel::result::Error",
            "diesel::result::DatabaseErrorKind",
            "diesel::sql_types",
        ],
    },
    Fence {
        what: &["async_graphql", "async_graphql_axum", "async_graphql_value"],
        inside: &["graphql api", "graphql", "http", "ws", "admission", "execution", "gate", "error"],
        free: &[
            "async_graphql::Enum",
            "async_graphql::ID",
            "async_graphql::InputObject",
            "async_graphql::Json",
            "async_graphql::MaybeUndefined",
            "async_graphql::OneofObject",
            "async_graphql::SimpleObject",
            "async_graphql::Union",
        ],
    },
    Fence { what: &["axum", "hyper", "hyper_util", "tower", "tower_http"], inside: &["http", "ws", ""], free: &[] },
    Fence { what: &["std::env"], inside: &["config"], free: &[] },
    Fence {
        what: &["std::time::SystemTime", "jiff::Timestamp::now", "jiff::Zoned::now"],
        inside: &["clock"],
        free: &[],
    },
];

/// Modules with folders that are no features.
const NO_FEATURES: &[&str] = &[
    "admission",
    "auth",
    "capacity",
    "config",
    "db",
    "demo",
    "events",
    "execution",
    "gate",
    "graphql",
    "http",
    "metrics",
    "telemetry",
    "ws",
];

/// The room of a file, most specific first: `["events::log", "events"]`, `["store"]`.
fn rooms(source: &Source) -> Vec<String> {
    let module = &source.module;
    match role(source) {
        Some(role) => vec![role.to_owned()],
        None => (1..=module.len()).rev().map(|n| module[..n].join("::")).chain([String::new()]).collect(),
    }
}

/// The role of a feature's file.
fn role(source: &Source) -> Option<&'static str> {
    let module = &source.module;
    let folder = source.path.starts_with(&format!("src/{}/", module.first()?));
    if !folder || NO_FEATURES.contains(&module[0].as_str()) {
        return None;
    }
    Some(match module.get(1).map(String::as_str) {
        Some("store") => "store",
        Some("graphql") => "graphql api",
        Some("loader") => "loader",
        Some(_) if source.tokens.iter().any(|token| token.is("async")) => "operations",
        _ => "rules",
    })
}

/// Whether this is the `mod.rs` of a feature: its types and pure rules.
pub fn is_a_features_front(source: &Source) -> bool {
    role(source).is_some() && source.module.len() == 1
}

/// What the files use that they may not, one line each.
pub fn trespasses(sources: &[Source]) -> Vec<String> {
    let modules = Modules::of(sources);
    let check = |source| {
        let imports = modules.imports(source);
        imports.into_iter().filter_map(|import| Some((trespass(&modules, sources, source, &import)?, import))).collect()
    };
    sources
        .iter()
        .flat_map(|source| {
            let found: Vec<(String, Import)> = check(source);
            found
                .into_iter()
                .map(|(why, import)| format!("{}:{}: {}: {why}", source.path, import.line, import.path.join("::")))
        })
        .collect()
}

fn trespass(modules: &Modules, sources: &[Source], source: &Source, import: &Import) -> Option<String> {
    let rooms = rooms(source);
    if import.path[0] != "crate" {
        return fenced_off(&rooms, &import.path.join("::"));
    }
    let names = names(modules, sources, source, import);
    let own = &source.module;
    let same = own.first().is_some_and(|own| names.contains(own)) && role(source).is_none();
    if ROOTS.contains(&rooms[0].as_str()) || same || names.is_empty() {
        return None;
    }
    let line = rooms.iter().find_map(|room| MAY_USE.iter().find(|(name, _)| name == room));
    let Some((room, may_use)) = line else {
        return Some(format!("{} has no line in the table of what may use what (tests/it/tidy/rooms.rs)", source.path));
    };
    let allowed = may_use.split(", ").any(|allowed| names.iter().any(|name| name == allowed));
    (!allowed).then(|| format!("{room} may not use {} ({})", names[0], names[names.len() - 1]))
}

fn fenced_off(rooms: &[String], path: &str) -> Option<String> {
    let within = |outer: &str| path == outer || path.starts_with(outer) && path[outer.len()..].starts_with("::");
    let fence = FENCES.iter().find(|fence| fence.what.iter().any(|what| within(what)))?;
    let inside = rooms.iter().any(|room| fence.inside.contains(&room.as_str()));
    let free = fence.free.iter().any(|free| within(free)) && !rooms[0].is_empty();
    (!inside && !free).then(|| format!("{} stays in: {}", fence.what.join(", "), fence.inside.join(", ")))
}

/// All names in the table that an imported path answers to: `["db", "db::schema"]`; `["own store"]`. None for a part of the
/// file itself.
fn names(modules: &Modules, sources: &[Source], source: &Source, import: &Import) -> Vec<String> {
    let (module, name) = modules.resolve(&import.path);
    if module == source.module || module.is_empty() {
        return Vec::new();
    }
    let target = sources.iter().find(|source| source.module == module);
    let mut names = Vec::new();
    let is_type = name.is_some_and(|name| name.starts_with(char::is_uppercase));
    if let Some(role) = target.and_then(role) {
        let own = source.module.first() == module.first() && self::role(source).is_some();
        let offered = role == "store" && !own && !import.path.iter().any(|segment| segment == "store");
        let role = match role {
            "operations" if is_type => "rules",
            "store" if offered => "operations",
            role => role,
        };
        names.push(if own { format!("own {role}") } else { role.to_owned() });
    }
    if is_type && name.is_some_and(|name| name.ends_with("Id")) {
        names.push("ids".to_owned());
    }
    let defined: Vec<_> = module.iter().map(String::as_str).chain(name).collect();
    let written: Vec<_> = import.path[1..].iter().map(String::as_str).collect();
    for path in [written, defined] {
        names.extend((1..=path.len()).map(|n| path[..n].join("::")));
    }
    names.dedup();
    names
}

fn trespasses_of(path: &str, text: &str) -> Vec<String> {
    const OTHERS: &[(&str, &str)] = &[
        ("src/db/mod.rs", ""),
        ("src/db/schema.rs", ""),
        ("src/events/mod.rs", ""),
        ("src/events/log.rs", ""),
        ("src/http/mod.rs", ""),
        ("src/error.rs", ""),
        (
            "src/leads/mod.rs",
            "mod create; mod state; pub mod graphql; pub mod store; pub use create::{CreateLeadInput, create}; pub use store::lock;",
        ),
        ("src/leads/create.rs", "pub async fn create() {}"),
        ("src/leads/state.rs", "pub fn claimable() {}"),
        ("src/leads/graphql.rs", ""),
        ("src/leads/store.rs", ""),
    ];
    let others = OTHERS.iter().filter(|(other, _)| *other != path).map(|(path, text)| Source::new(path, text));
    trespasses(&others.chain([Source::new(path, text)]).collect::<Vec<_>>())
}

#[test]
fn a_trespass_is_found() {
    let wrong = [
        // Another feature's store, in every way to write it.
        ("src/claims/claim.rs", "use crate::leads::store;\nasync fn f() {}"),
        ("src/claims/claim.rs", "use crate::leads;\nasync fn f() { leads::store::find(); }"),
        ("src/claims/claim.rs", "async fn f() { super::super::leads::store::find(); }"),
        // A resolver at its store; rules that do I/O; the log that knows a feature; anyone at the transport.
        ("src/leads/graphql.rs", "use super::store;"),
        ("src/leads/state.rs", "use super::create;"),
        ("src/leads/state.rs", "fn f() { crate::leads::create(); }"),
        ("src/leads/graphql.rs", "fn f() { super::lock(); }"),
        ("src/leads/mod.rs", "mod store; fn f() { crate::leads::store::find(); }"),
        ("src/events/hub.rs", "use crate::leads::Lead;"),
        ("src/leads/create.rs", "use crate::http;\nasync fn f() {}"),
        // Libraries out of their rooms.
        ("src/leads/create.rs", "use diesel::prelude::*;\nasync fn f() {}"),
        ("src/leads/create.rs", "use diesel_async::RunQueryDsl;\nasync fn f() {}"),
        ("src/events/hub.rs", "fn f() { diesel::insert_into(x); }"),
        ("src/leads/store.rs", "use async_graphql::Object;"),
        ("src/leads/mod.rs", "use axum::Router;"),
        ("src/leads/create.rs", "async fn f() { std::env::var(x); }"),
        ("src/leads/create.rs", "use std::time::{Duration, SystemTime};\nasync fn f() {}"),
        ("src/leads/create.rs", "use jiff::Timestamp;\nasync fn f() { Timestamp::now(); }"),
        ("src/demo/cast.rs", "use crate::leads::Lead;"),
        // A room that nobody has thought about.
        ("src/attic.rs", "use crate::error;"),
    ];
    for (path, text) in wrong {
        let found = trespasses_of(path, text);
        assert!(found.len() == 1 && found[0].starts_with(path), "{path}: {text}: {found:?}");
    }
}

#[test]
fn what_is_right_is_not_reported() {
    let right = [
        ("src/leads/create.rs", "use super::{state, store}; use crate::{db, error, events::log};\nasync fn f() {}"),
        (
            "src/claims/claim.rs",
            "use crate::leads::{self, create};\nasync fn f() { leads::create(); leads::claimable(); leads::lock(); }",
        ),
        ("src/leads/store.rs", "use diesel::prelude::*; use diesel_async::RunQueryDsl; use crate::{db, leads::Lead};"),
        (
            "src/leads/mod.rs",
            "use diesel::prelude::{Queryable, Selectable}; use async_graphql::SimpleObject; use crate::db::schema;",
        ),
        ("src/leads/graphql.rs", "use async_graphql::Object; use super::{Lead, create};"),
        ("src/leads/state.rs", "use super::CreateLeadInput; use crate::claims::ClaimId;"),
        ("src/claims/store.rs", "use crate::leads::LeadId;"),
        ("src/leads/state.rs", "use std::time::{Duration, Instant};\n#[cfg(test)]\nmod tests { use crate::http; }"),
        ("src/app.rs", "use crate::{db, events, leads};"),
        ("src/lib.rs", "use crate::http;"),
    ];
    for (path, text) in right {
        assert_eq!(trespasses_of(path, text), Vec::<String>::new());
    }
}
