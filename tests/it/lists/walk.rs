//! Long lists: a page costs no more than ten thousand rows, and pages stay in step while the list grows.

use serde_json::{Value, json};

use super::{Page, leads};
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, PAT},
    both_engines,
    sql::Sql,
};

both_engines!(a_sparse_filter_walks_on_page_by_page, a_growing_list_shows_each_row_once);

const ROWS: usize = 21_000;

/// Copies of the one lead that is there, each a second older than the one before. `i` counts them.
async fn copies(server: &TestServer, city_of: &str) {
    let sql = Sql::of(server).await;
    let (id, older) = if sql.is_sqlite() {
        ("randomblob(16)", "- i * 1000000")
    } else {
        ("gen_random_uuid()", "- i * interval '1 second'")
    };
    let statement = format!(
        "INSERT INTO leads (tenant_id, id, version, customer_id, reference, request_hash, is_test, status, title, description,
             category, urgency, country, city, price, max_claims, claim_count, search_text, created_at, verified_at, expires_at,
             expiry_order)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         SELECT tenant_id, {id}, version, customer_id, reference || i, request_hash, is_test, status, title, description,
             category, urgency, country, {city_of}, price + i, max_claims, claim_count, search_text, created_at {older},
             verified_at, expires_at {older}, expiry_order {older}
         FROM leads, n"
    );
    sql.run(&statement).await.expect("the rows are inserted");
}

async fn a_sparse_filter_walks_on_page_by_page(engine: Engine) {
    let server = TestServer::start(engine).await;
    server.open(json!({})).await;
    // One in the middle of the first ten thousand rows, one of the last row of these, the others beyond.
    copies(&server, "CASE WHEN i IN (5000, 9999, 15000, 20999) THEN 'Rare' WHEN i = 10000 THEN 'Rarer' ELSE city END")
        .await;
    for order in ["", "orderBy: { field: EXPIRES_AT }", "orderBy: { field: PRICE, direction: ASC }"] {
        let list = leads(json!({ "city": "Rare" })).and(order);
        let mut found = Vec::new();
        let mut after = Value::Null;
        for (rows, has_next) in [(2, true), (1, true), (1, false)] {
            let page = list.page(&server, ADMIN, json!({ "first": 10, "after": after })).await;
            assert_eq!((page.ids.len(), page.has_next, page.total), (rows, has_next, None), "{order}");
            found.extend(page.ids);
            after = page.end;
        }
        assert_eq!(list.forwards(&server, ADMIN, 1).await, found, "{order}");
        assert_eq!(list.backwards(&server, ADMIN, 3).await, found, "{order}");
        for who in [CASEY, PAT] {
            assert_eq!(list.forwards(&server, who, 3).await, found, "{order}");
        }
    }
    scores_are_asked_of_as_many(&server, &found_in_order(&server).await).await;
    // An empty page may be on the way.
    let mut rarer = leads(json!({ "search": "kitchen", "city": "Rarer" }));
    let page = rarer.page(&server, ADMIN, json!({ "first": 5 })).await;
    assert_eq!((page.ids.len(), page.has_next, page.total, page.end.is_string()), (0, true, None, true));
    let page = rarer.page(&server, ADMIN, json!({ "first": 5, "after": page.end })).await;
    assert_eq!((page.ids.len(), page.has_next), (1, true));

    // What an index narrows to few rows is exact, and counted.
    server.open(json!({ "category": "Plumbing" })).await;
    rarer.filter = json!({ "categories": ["Plumbing"], "search": "kitchen" });
    let page = rarer.page(&server, ADMIN, json!({ "first": 5 })).await;
    assert_eq!((page.ids.len(), page.has_next, page.total), (1, false, Some(1)));
    rarer.filter = json!({ "claimedByViewer": true });
    let page = rarer.page(&server, PAT, json!({ "first": 5 })).await;
    assert_eq!((page.ids.len(), page.has_next), (0, false));
}

/// The rare ones, newest first.
async fn found_in_order(server: &TestServer) -> Vec<String> {
    leads(json!({ "city": "Rare" })).forwards(server, PAT, 10).await
}

/// A filter that takes a profile is walked like any other; the order of scores goes as far as one page does.
async fn scores_are_asked_of_as_many(server: &TestServer, rare: &[String]) {
    let profile = json!({ "categories": ["electrical"], "serviceAreas": [{ "country": "ZA", "city": "rare" }] });
    server.act(PAT, "updateProviderProfile", profile).await.done();
    let mut excellent = leads(json!({ "tiers": ["EXCELLENT"] }));
    let mut after = Value::Null;
    for (rows, has_next) in [(2, true), (1, true), (1, false)] {
        let page = excellent.page(server, PAT, json!({ "first": 10, "after": after })).await;
        assert_eq!((page.ids.len(), page.has_next, page.total), (rows, has_next, None));
        after = page.end;
    }
    assert_eq!(excellent.forwards(server, PAT, 1).await, rare);
    assert_eq!(excellent.backwards(server, PAT, 3).await, rare);
    for order in ["EXPIRES_AT", "PRICE, direction: ASC"] {
        let ordered = excellent.clone().and(format!("orderBy: {{ field: {order} }}"));
        assert_eq!(ordered.forwards(server, PAT, 3).await, rare, "{order}");
    }
    let by_score = excellent.clone().and("orderBy: { field: SCORE }");
    let page = by_score.page(server, PAT, json!({ "first": 10 })).await;
    assert_eq!((&page.ids[..], page.has_next, page.total), (&rare[..2], false, None));
    // What an index narrows to few rows is all there is.
    excellent.filter = json!({ "tiers": ["EXCELLENT"], "claimedByViewer": true });
    let page = excellent.page(server, PAT, json!({ "first": 5 })).await;
    assert_eq!((page.ids.len(), page.has_next), (0, false));
    server.act(PAT, "updateProviderProfile", json!({ "acceptingLeads": false })).await.done();
    excellent.filter = json!({ "minScore": 0 });
    let page = excellent.page(server, PAT, json!({ "first": 5 })).await;
    assert_eq!((page.ids.len(), page.has_next, page.total), (0, false, Some(0)));
}

async fn a_growing_list_shows_each_row_once(engine: Engine) {
    let server = TestServer::start(engine).await;
    let mut posted: Vec<String> = Vec::new();
    let post = async || super::reference::text(&server.post(json!({})).await);
    for _ in 0..30 {
        posted.push(post().await);
    }
    // Newest first: what comes later is before the page and never seen.
    let (mut after, mut seen) = (Value::Null, Vec::new());
    loop {
        let Page { ids, has_next, end, .. } =
            leads(json!({})).page(&server, CASEY, json!({ "first": 4, "after": after })).await;
        seen.extend(ids);
        if !has_next {
            break;
        }
        after = end;
        post().await;
    }
    posted.reverse();
    assert_eq!(seen, posted);

    // Oldest first: what comes later is seen at the end, once.
    let oldest_first = leads(json!({})).and("orderBy: { field: CREATED_AT, direction: ASC }");
    let (mut after, mut seen) = (Value::Null, Vec::new());
    let mut spare = 5;
    loop {
        let page = oldest_first.page(&server, CASEY, json!({ "first": 9, "after": after })).await;
        seen.extend(page.ids);
        if !page.has_next {
            break;
        }
        after = page.end;
        if spare > 0 {
            spare -= 1;
            post().await;
        }
    }
    assert_eq!(seen, oldest_first.forwards(&server, CASEY, 100).await);
    posted.reverse();
    assert_eq!(seen[..30], posted[..]);
}
