//! The lists of claims, users and a wallet's entries.

use serde_json::{Value, json};

use super::List;
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, DANA, PAT, QUINN, RILEY, ROBOT, Who, lead_input, unique, with},
    both_engines,
};

both_engines!(claims, users, entries);

fn claim_list(filter: Value) -> List {
    List { root: "claims", filter_type: "ClaimFilter", filter, more: String::new() }
}

/// A claim as the test remembers it.
struct Remembered {
    id: String,
    lead: Value,
    provider: Who,
    customer: Who,
    status: &'static str,
    at: String,
}

async fn some_claims(server: &TestServer) -> Vec<Remembered> {
    let mut claims = Vec::new();
    for n in 0..14 {
        let customer = if n % 3 == 0 { DANA } else { CASEY };
        let terms = json!({ "customerId": customer.user, "price": 1 });
        let lead = server.act(ADMIN, "createLead", with(lead_input(), terms)).await.done()["lead"]["id"].clone();
        server.act(ADMIN, "verifyLead", json!({ "id": lead })).await.done();
        for (at, provider) in [PAT, QUINN, RILEY].into_iter().enumerate() {
            if (n + at) % 4 == 0 {
                continue;
            }
            let claim = server.claim(provider, &lead).await;
            let status = match (n + at) % 5 {
                0 => "REFUNDED",
                1 => "WON",
                _ => "ACTIVE",
            };
            match status {
                "REFUNDED" => {
                    server.act(ADMIN, "refundClaim", json!({ "id": claim, "reason": "x" })).await.done();
                }
                "WON" => {
                    server.act(provider, "updateClaim", json!({ "id": claim, "outcome": "WON" })).await.done();
                }
                _ => {}
            }
            let seen =
                server.ask(ADMIN, "query($id: ID!) { claim(id: $id) { claimedAt } }", json!({ "id": claim })).await;
            let at = seen.field("claim")["claimedAt"].as_str().expect("a moment").to_owned();
            let id = claim.as_str().expect("an id").to_owned();
            claims.push(Remembered { id, lead: lead.clone(), provider, customer, status, at });
        }
    }
    claims
}

async fn claims(engine: Engine) {
    let server = TestServer::start(engine).await;
    for who in [DANA, ROBOT] {
        server.ask(who, "{ viewer { id } }", Value::Null).await.data();
    }
    let all = some_claims(&server).await;
    let (lead, moment) = (&all[7].lead, &all[11].at);
    let filters: [(Value, Box<dyn Fn(&Remembered) -> bool>); 8] = [
        (Value::Null, Box::new(|_| true)),
        (json!({ "leadId": lead }), Box::new(|claim| claim.lead == *lead)),
        (json!({ "providerId": "pat" }), Box::new(|claim| claim.provider == PAT)),
        (json!({ "statuses": ["WON"] }), Box::new(|claim| claim.status == "WON")),
        (json!({ "statuses": ["WON", "REFUNDED"] }), Box::new(|claim| claim.status != "ACTIVE")),
        (json!({ "statuses": [] }), Box::new(|_| false)),
        (json!({ "claimedAfter": moment }), Box::new(|claim| parsed(&claim.at) > parsed(moment))),
        (
            json!({ "leadId": lead, "providerId": "pat", "statuses": ["ACTIVE", "WON", "REFUNDED"] }),
            Box::new(|claim| claim.lead == *lead && claim.provider == PAT),
        ),
    ];
    for (filter, matches) in &filters {
        for viewer in [ADMIN, ROBOT, PAT, QUINN, CASEY, DANA] {
            let mut expected: Vec<_> = all.iter().filter(|claim| sees(viewer, claim) && matches(claim)).collect();
            expected.sort_by_key(|claim| (parsed(&claim.at), claim.id.clone()));
            let expected: Vec<_> = expected.iter().rev().map(|claim| claim.id.clone()).collect();
            let (list, what) = (claim_list(filter.clone()), format!("{} asks for {filter}", viewer.user));
            assert_eq!(list.forwards(&server, viewer, 4).await, expected, "{what}");
            assert_eq!(list.backwards(&server, viewer, 7).await, expected, "{what}, backwards");
            let total = list.page(&server, viewer, json!({ "first": 0 })).await.total;
            assert_eq!(total, u64::try_from(expected.len()).ok(), "{what}: the total");
        }
    }
    let of_lead = "query($id: ID!, $after: PageCursor) { lead(id: $id) { claims(first: 1, after: $after) {
        totalCount edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }";
    let expected = claim_list(json!({ "leadId": lead })).forwards(&server, ADMIN, 10).await;
    let (mut after, mut seen) = (Value::Null, Vec::new());
    loop {
        let answer = server.ask(ADMIN, of_lead, json!({ "id": lead, "after": after })).await;
        let page = super::Page::of(&answer.field("lead")["claims"]);
        seen.extend(page.ids);
        if !page.has_next {
            break;
        }
        after = page.end;
    }
    assert_eq!(seen, expected);
}

fn sees(viewer: Who, claim: &Remembered) -> bool {
    viewer == ADMIN || viewer == ROBOT || claim.provider == viewer || claim.customer == viewer
}

fn parsed(moment: &str) -> leadcast::clock::Timestamp {
    moment.parse().expect("a moment")
}

/// Pages of a list that goes forward only.
async fn paged(server: &TestServer, who: Who, document: &str, root: &str, mut variables: Value) -> Vec<String> {
    let mut rows = Vec::new();
    loop {
        let answer = server.ask(who, document, variables.clone()).await;
        let connection = answer.data().pointer(root).expect("a connection");
        let page = super::Page::of(connection);
        rows.extend(page.ids);
        if !page.has_next {
            assert_eq!(page.total, u64::try_from(rows.len()).ok(), "{variables}");
            return rows;
        }
        variables["after"] = page.end;
    }
}

async fn users(engine: Engine) {
    let server = TestServer::start(engine).await;
    let mut ids: Vec<String> = ["admin", "casey", "pat", "quinn", "riley"].map(str::to_owned).to_vec();
    for n in 0..30 {
        let role = if n % 3 == 0 { "PROVIDER" } else { "CUSTOMER" };
        let (id, name) = (format!("user-{n:02}"), format!("Zoë Nr_{n}"));
        let input = json!({ "id": id, "role": role, "name": name, "email": format!("Mail{n}@Example.com") });
        server.act(ADMIN, "upsertUser", input).await.done();
        ids.push(id);
    }
    let document =
        "query($role: Role, $search: String, $after: PageCursor) { users(role: $role, search: $search, first: 7,
        after: $after) { totalCount edges { cursor node { id } } nodes { id }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    ids.reverse();
    assert_eq!(paged(&server, ADMIN, document, "/users", json!({})).await, ids);
    let numbered = |keep: &dyn Fn(usize) -> bool| {
        let numbers = (0..30).rev().filter(|n| keep(*n));
        numbers.map(|n| format!("user-{n:02}")).collect::<Vec<_>>()
    };
    for (variables, expected) in [
        (json!({ "search": "ZOË" }), numbered(&|_| true)),
        (json!({ "search": "zoe\u{308}  mail2" }), numbered(&|n| n == 2 || (20..30).contains(&n))),
        (json!({ "search": "nr_7" }), numbered(&|n| n == 7)),
        (json!({ "search": "nr%7" }), Vec::new()),
        (json!({ "search": "USER-1" }), numbered(&|n| (10..20).contains(&n))),
        (json!({ "search": "example.COM", "role": "PROVIDER" }), numbered(&|n| n % 3 == 0)),
        (json!({ "role": "ADMIN" }), vec!["admin".to_owned()]),
        (json!({ "role": "SERVICE" }), Vec::new()),
    ] {
        assert_eq!(paged(&server, ADMIN, document, "/users", variables.clone()).await, expected, "{variables}");
    }
}

async fn entries(engine: Engine) {
    let server = TestServer::start(engine).await;
    for n in 0..12 {
        let top_up =
            json!({ "ownerId": "pat", "amount": 10 + n, "reference": unique("invoice"), "granted": n % 2 == 0 });
        server.act(ADMIN, "topUpWallet", top_up).await.done();
        if n % 3 == 0 {
            let change = json!({ "ownerId": "pat", "change": -1, "reference": unique("fix"), "reason": "x" });
            server.act(ADMIN, "adjustWallet", change).await.done();
        }
    }
    let document = "query($types: [LedgerEntryType!], $after: PageCursor) { wallet(ownerId: \"pat\") {
        entries(first: 3, types: $types, after: $after) { totalCount edges { cursor node { id } } nodes { id }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }";
    let everything = "{ wallet(ownerId: \"pat\") { entries(first: 100) { nodes { id type } } } }";
    let all = server.ask(ADMIN, everything, Value::Null).await;
    let all = all.field("wallet")["entries"]["nodes"].as_array().expect("a list").clone();
    assert_eq!(all.len(), 17);
    for types in [json!(null), json!([]), json!(["GRANT"]), json!(["TOP_UP", "ADJUSTMENT"]), json!(["CLAIM"])] {
        let wanted = |entry: &&Value| types.as_array().is_none_or(|types| types.contains(&entry["type"]));
        let expected: Vec<_> = all.iter().filter(wanted).map(|entry| super::reference::text(&entry["id"])).collect();
        for who in [PAT, ADMIN] {
            let seen = paged(&server, who, document, "/wallet/entries", json!({ "types": types })).await;
            assert_eq!(seen, expected, "{} asks for {types}", who.user);
        }
    }
}
