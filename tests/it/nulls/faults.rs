//! Fields that fail by themselves: their tables are away, or it is a schema of the test's own in which they do.

use std::sync::LazyLock;

use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Schema};
use leadcast::{
    error::Error,
    graphql::{List, errors::nullable},
};
use serde_json::{Value, json};

use super::{claimed_lead, gives, marked, places};
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, PAT, Who},
    both_engines,
    sql::Sql,
};

both_engines!(a_table_that_is_away_is_null);

/// By the field's own path, at its own place.
async fn a_table_that_is_away_is_null(engine: Engine) {
    let server = TestServer::start(engine).await;
    let lead = claimed_lead(&server).await;
    let sql = Sql::of(&server).await;
    let untold = json!({ "lead": { "title": "Rewire", "claims": null } });
    let cases: [(&str, Who, &str, Value, &[&str]); 7] = [
        // What may be null.
        (
            "contacts",
            CASEY,
            "query($id: ID!) {\n  viewer { id }\n  lead(id: $id) { title ^contact { name } }\n}",
            json!({ "viewer": { "id": "casey" }, "lead": { "title": "Rewire", "contact": null } }),
            &["lead.contact"],
        ),
        (
            "wallets",
            PAT,
            "{ viewer { id ^purse: wallet { balance } } ^wallet { balance } }",
            json!({ "viewer": { "id": "pat", "purse": null }, "wallet": null }),
            &["viewer.purse", "wallet"],
        ),
        // What may not, of an object that may.
        (
            "ledger_entries",
            PAT,
            "{ viewer { id wallet { balance ^entries { nodes { id } } } } }",
            json!({ "viewer": { "id": "pat", "wallet": null } }),
            &["viewer.wallet.entries"],
        ),
        // One of a list, in itself.
        (
            "leads",
            PAT,
            "{ wallet { entries { nodes { change claim { ^lead { id } } } } } }",
            json!({ "wallet": { "entries": { "nodes": [
                { "change": -5, "claim": null }, { "change": 100, "claim": null } ] } } }),
            &["wallet.entries.nodes.0.claim.lead"],
        ),
        // One of a list, and the list with it.
        (
            "users",
            ADMIN,
            "query($id: ID!) { lead(id: $id) { title claims(first: 1) { nodes { id ^provider { name } } } } }",
            untold.clone(),
            &["lead.claims.nodes.0.provider"],
        ),
        (
            "users",
            ADMIN,
            "query($id: ID!) { lead(id: $id) { title claims(first: 1) { edges { by: node { ^provider { name } } } } } }",
            untold,
            &["lead.claims.edges.0.by.provider"],
        ),
        // All of it.
        ("leads", PAT, "{ viewer { id } claims { nodes { ^lead { id } } } }", Value::Null, &["claims.nodes.0.lead"]),
    ];
    for (table, who, query, data, errors) in cases {
        // What is remembered for moments is known.
        server.ask(who, "{ viewer { id } }", Value::Null).await.data();
        sql.run(&format!("ALTER TABLE {table} RENAME TO away")).await.expect("a table can be taken away");
        gives(&server, who, query, &json!({ "id": lead }), data, errors).await;
        sql.run(&format!("ALTER TABLE away RENAME TO {table}")).await.expect("and brought back");
    }
}

/// Of a list: a leaf that may be null, and one that may not.
struct Item(usize);

fn fails<T>() -> leadcast::error::Result<T> {
    Err(Error::internal("a fault of the test"))
}

#[Object]
impl Item {
    async fn leaf(&self, ctx: &Context<'_>) -> Option<usize> {
        nullable(ctx, if self.0 == 1 { fails() } else { Ok(Some(self.0)) })
    }

    async fn needed(&self) -> leadcast::error::Result<usize> {
        if self.0 == 1 { fails() } else { Ok(self.0) }
    }

    async fn inner(&self) -> &Item {
        self
    }
}

static ITEMS: [Item; 3] = [Item(0), Item(1), Item(2)];

struct Lists;

#[Object]
impl Lists {
    async fn nullable(&self) -> Vec<Option<&Item>> {
        ITEMS.iter().map(Some).collect()
    }

    async fn nested(&self) -> Option<List<&Option<List<&Item>>>> {
        static ROWS: LazyLock<[Option<List<&Item>>; 2]> = LazyLock::new(|| [(); 2].map(|()| Some(List::of(&ITEMS))));
        Some(List::of(&*ROWS))
    }

    async fn whole(&self) -> Option<List<&Item>> {
        Some(List::of(&ITEMS))
    }

    async fn own(&self, ctx: &Context<'_>) -> Option<i32> {
        nullable(ctx, fails())
    }

    async fn sound(&self) -> bool {
        true
    }
}

/// 1: A leaf that may be null. 5: One of a list that may be null. leadcast has no such list: the schema is the test's.
#[tokio::test]
async fn only_what_may_be_null_is() {
    let schema = Schema::new(Lists, EmptyMutation, EmptySubscription);
    let item = |n: usize| json!({ "needed": n });
    for (query, data, errors) in [
        ("{ sound ^mine: own }", json!({ "sound": true, "mine": null }), vec!["mine"]),
        (
            "{ whole { ^leaf } sound }",
            json!({ "whole": [{ "leaf": 0 }, { "leaf": null }, { "leaf": 2 }], "sound": true }),
            vec!["whole.1.leaf"],
        ),
        ("{ nullable { ^needed } }", json!({ "nullable": [item(0), null, item(2)] }), vec!["nullable.1.needed"]),
        (
            "{ nullable { inner { ^needed } } }",
            json!({ "nullable": [{ "inner": item(0) }, null, { "inner": item(2) }] }),
            vec!["nullable.1.inner.needed"],
        ),
        (
            "{ nested { ^needed } sound }",
            json!({ "nested": [null, null], "sound": true }),
            vec!["nested.0.1.needed", "nested.1.1.needed"],
        ),
        (
            "{ sound whole { inner { ^needed } } }",
            json!({ "sound": true, "whole": null }),
            vec!["whole.1.inner.needed"],
        ),
    ] {
        let (query, expected) = marked(query, &errors);
        let answer = serde_json::to_value(schema.execute(&query).await).expect("JSON");
        assert_eq!(answer["data"], data, "{query}: {answer:#}");
        assert_eq!(places(&answer["errors"]), expected, "{query}: {answer:#}");
    }
}
