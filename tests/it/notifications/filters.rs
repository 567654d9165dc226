//! Lists with every filter, against a list that is filtered here.

use leadcast::clock::Timestamp;
use serde_json::{Value, json};

use super::{change, ids, list, tell};
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, PAT, QUINN},
    both_engines,
};

both_engines!(
    every_filter_finds_what_it_says,
    pages_go_both_ways,
    a_cursor_and_a_moment_bound_together,
    a_filter_that_costs_too_much_is_refused,
);

const TOPICS: [&str; 3] = ["order", "booking", "visit"];
const PRIORITIES: [&str; 3] = ["LOW", "NORMAL", "HIGH"];

/// Sixty notifications of all sorts, in all folders.
async fn furnish(server: &TestServer) -> Value {
    let lead = server.open(json!({ "category": "Electrical", "attributes": { "rooms": 3 } })).await;
    for n in 0..60_usize {
        let mut what = json!({ "title": format!("Title {}", n % 5), "message": format!("Message {}", n % 7),
            "priority": PRIORITIES[n % 3], "reference": format!("reference {n}") });
        if n % 2 == 0 {
            what["type"] = "CUSTOM".into();
            what["topic"] = TOPICS[n % 3].into();
        }
        if n % 4 == 0 {
            what["leadId"] = lead.clone();
        }
        tell(server, json!({ "userIds": ["pat", "quinn"] }), what).await;
    }
    let all = list(server, PAT, json!({ "view": "ALL" })).await;
    assert_eq!(all.len(), 60);
    let of = |step: usize| json!({ "ids": ids(&all.iter().step_by(step).cloned().collect::<Vec<_>>()) });
    change(server, PAT, "markNotificationsRead", of(3)).await;
    change(server, PAT, "archiveNotifications", of(5)).await;
    change(server, PAT, "snoozeNotifications", of(7)).await;
    lead
}

/// Whether the filter takes the notification, by what its list shows of it.
/// As text, .5 would come after .45.
fn moment(value: &Value) -> Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).expect("a moment")
}

fn takes(filter: &Value, one: &Value) -> bool {
    let any = |field: &str, value: &Value| {
        filter.get(field).and_then(Value::as_array).is_none_or(|wanted| wanted.contains(value))
    };
    let folder = match (one["archivedAt"].is_null(), one["snoozedUntil"].is_null()) {
        (false, _) => "ARCHIVED",
        (true, false) => "SNOOZED",
        (true, true) => "INBOX",
    };
    let view = filter.get("view").and_then(Value::as_str).unwrap_or("INBOX");
    let text = format!("{} {}", one["title"], one["message"]).to_lowercase();
    let about = one["lead"]["id"].is_string();
    (view == "ALL" || view == folder)
        && any("types", &one["type"])
        && any("topics", &one["topic"])
        && any("priorities", &one["priority"])
        && any("references", &one["reference"])
        && filter.get("unread").is_none_or(|unread| *unread == one["readAt"].is_null())
        && filter.get("leadId").is_none_or(|lead| *lead == one["lead"]["id"])
        && filter.get("categories").is_none_or(|wanted| about && *wanted == json!(["Electrical"]))
        && filter.get("attributes").is_none_or(|wanted| about && wanted[0]["in"] == json!(["3"]))
        && filter.get("createdAfter").is_none_or(|after| moment(&one["createdAt"]) > moment(after))
        && filter.get("createdBefore").is_none_or(|before| moment(&one["createdAt"]) < moment(before))
        && filter
            .get("search")
            .and_then(Value::as_str)
            .is_none_or(|words| words.to_lowercase().split_whitespace().all(|word| text.contains(word)))
}

async fn every_filter_finds_what_it_says(engine: Engine) {
    let server = TestServer::start(engine).await;
    let lead = furnish(&server).await;
    let all = list(&server, PAT, json!({ "view": "ALL" })).await;
    let middle = all[30]["createdAt"].clone();
    let conditions = [
        json!({}),
        json!({ "unread": true }),
        json!({ "unread": false }),
        json!({ "types": ["CUSTOM"] }),
        json!({ "types": ["CUSTOM", "ANNOUNCEMENT", "CUSTOM"] }),
        json!({ "types": [] }),
        json!({ "types": ["LEAD_MATCHED"] }),
        json!({ "topics": ["order"] }),
        json!({ "topics": ["visit", "order"] }),
        json!({ "topics": ["order"], "types": ["ANNOUNCEMENT"] }),
        json!({ "priorities": ["HIGH", "LOW"] }),
        json!({ "leadId": lead }),
        json!({ "leadId": lead, "unread": true, "types": ["CUSTOM"], "topics": ["order"] }),
        json!({ "leadId": uuid::Uuid::now_v7().to_string() }),
        json!({ "categories": ["Electrical"] }),
        json!({ "categories": ["electrical"] }),
        json!({ "attributes": [{ "key": "rooms", "in": ["3"] }] }),
        json!({ "attributes": [{ "key": "rooms", "in": ["4"] }] }),
        json!({ "search": "TITLE 3 message" }),
        json!({ "search": "100%" }),
        json!({ "createdAfter": middle }),
        json!({ "createdBefore": middle, "unread": true }),
        json!({ "createdAfter": middle, "types": ["CUSTOM"], "search": "title" }),
    ];
    for view in [None, Some("INBOX"), Some("SNOOZED"), Some("ARCHIVED"), Some("ALL")] {
        for condition in &conditions {
            let mut filter = condition.clone();
            if let Some(view) = view {
                filter["view"] = view.into();
            }
            let expected: Vec<_> = all.iter().filter(|one| takes(&filter, one)).cloned().collect();
            assert_eq!(ids(&list(&server, PAT, filter.clone()).await), ids(&expected), "{filter}");
            let document =
                "query($filter: NotificationFilter) { notifications(filter: $filter, first: 0) { totalCount } }";
            let counted = server.ask(PAT, document, json!({ "filter": filter })).await;
            assert_eq!(counted.field("notifications")["totalCount"], json!(expected.len()), "{filter}");
        }
    }
    let others = json!({ "view": "ALL", "recipientIds": ["pat", "quinn"], "references": ["reference 3", "reference 4", "none"] });
    let found = list(&server, ADMIN, others).await;
    let found: Vec<_> = found.iter().map(|one| format!("{} {}", one["reference"], one["recipient"]["id"])).collect();
    assert_eq!(found.len(), 4, "{found:?}");
    assert_eq!(list(&server, QUINN, json!({})).await.len(), 60);
}

async fn pages_go_both_ways(engine: Engine) {
    let server = TestServer::start(engine).await;
    furnish(&server).await;
    for filter in [
        json!({}),
        json!({ "view": "ALL" }),
        json!({ "view": "ALL", "types": ["CUSTOM"], "priorities": ["LOW", "HIGH"] }),
    ] {
        let all = ids(&list(&server, PAT, filter.clone()).await);
        let document =
            "query($filter: NotificationFilter, $first: Int, $after: PageCursor, $last: Int, $before: PageCursor) {
            notifications(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
                nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
        for (size, cursor, end, more, from_the_end) in [
            ("first", "after", "endCursor", "hasNextPage", false),
            ("last", "before", "startCursor", "hasPreviousPage", true),
        ] {
            let (mut walked, mut place) = (Vec::new(), Value::Null);
            loop {
                let answer = server.ask(PAT, document, json!({ "filter": filter, size: 7, cursor: place })).await;
                let page = answer.field("notifications");
                let nodes = ids(page["nodes"].as_array().expect("a list"));
                walked = if from_the_end { [nodes, walked].concat() } else { [walked, nodes].concat() };
                if page["pageInfo"][more] != true {
                    break;
                }
                place = page["pageInfo"][end].clone();
            }
            assert_eq!(walked, all, "{filter}, {size}");
        }
    }
}

/// Wherever the cursor stands: before, at, between or beyond the moments of the filter.
async fn a_cursor_and_a_moment_bound_together(engine: Engine) {
    let server = TestServer::start(engine).await;
    furnish(&server).await;
    let document =
        "query($filter: NotificationFilter, $first: Int, $after: PageCursor, $last: Int, $before: PageCursor) {
        notifications(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
            edges { cursor node { id createdAt } } } }";
    let answer = server.ask(PAT, document, json!({ "filter": { "view": "ALL" }, "first": 100 })).await;
    let all = answer.field("notifications")["edges"].as_array().expect("a list").clone();
    assert_eq!(all.len(), 60);
    let of = |edges: &[Value]| ids(&edges.iter().map(|edge| edge["node"].clone()).collect::<Vec<_>>());
    let (late, early) = (&all[15]["node"]["createdAt"], &all[45]["node"]["createdAt"]);
    // Which they leave; all of them have the searched word.
    for (filter, left) in [
        (json!({ "view": "ALL", "createdAfter": early, "createdBefore": late }), 16..45),
        (json!({ "view": "ALL", "createdAfter": early }), 0..45),
        (json!({ "view": "ALL", "createdBefore": late, "search": "title" }), 16..60),
    ] {
        for n in [0, 14, 15, 16, 30, 44, 45, 46, 59] {
            let forward = json!({ "filter": filter, "first": 100, "after": all[n]["cursor"] });
            let backward = json!({ "filter": filter, "last": 100, "before": all[n]["cursor"] });
            let (beyond, until) =
                (left.start.max(n + 1).min(left.end)..left.end, left.start..left.end.min(n).max(left.start));
            for (page, expected) in [(forward, beyond), (backward, until)] {
                let answer = server.ask(PAT, document, page).await;
                let found = of(answer.field("notifications")["edges"].as_array().expect("a list"));
                assert_eq!(found, of(&all[expected]), "{filter}, {n}");
            }
        }
    }
}

async fn a_filter_that_costs_too_much_is_refused(engine: Engine) {
    let server = TestServer::start(engine).await;
    let document = "query($filter: NotificationFilter) { notifications(filter: $filter) { nodes { id } } }";
    let many = |n: usize| (0..n).map(|n| n.to_string()).collect::<Vec<_>>();
    for filter in [
        json!({ "topics": many(21) }),
        json!({ "categories": many(101) }),
        json!({ "search": "a b c d e f g h i" }),
        json!({ "search": "x".repeat(501) }),
        json!({ "recipientIds": ["quinn"] }),
        json!({ "references": ["r"] }),
    ] {
        let answer = server.ask(PAT, document, json!({ "filter": filter })).await;
        assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{filter}");
    }
    let answer = server.ask(ADMIN, document, json!({ "filter": { "recipientIds": many(21) } })).await;
    assert_eq!(answer.error_code(), "BAD_USER_INPUT");
}
