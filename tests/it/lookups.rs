//! Look-ups that are batched: when one of a batch is no longer wanted, the others are answered all the same.

use serde_json::{Value, json};

use crate::support::{Engine, TestServer, api::PAT, both_engines, sql::Sql};

both_engines!(what_fails_takes_nothing_else_with_it);

/// Each entry's claim fails by its lead, while the providers of all of them are still being looked up.
async fn what_fails_takes_nothing_else_with_it(engine: Engine) {
    const ENTRIES: &str = "{ wallet { entries { nodes { claim { provider { id } lead { id } } } } } }";
    let server = TestServer::start(engine).await;
    for _ in 0..3 {
        let lead = server.open(json!({})).await;
        server.claim(PAT, &lead).await;
    }
    let whole = server.ask(PAT, ENTRIES, Value::Null).await;
    let count = whole.field("wallet")["entries"]["nodes"].as_array().expect("a list").len();
    assert_eq!(count, 4);

    let sql = Sql::of(&server).await;
    sql.run("ALTER TABLE leads RENAME TO leads_away").await.expect("a table can be taken away");
    for _ in 0..20 {
        let part = server.ask(PAT, ENTRIES, Value::Null).await;
        assert_eq!(part.body["data"]["wallet"]["entries"]["nodes"], json!(vec![json!({ "claim": null }); 4]), "{part}");
    }
}
