//! What an attack on the server found, so that it stays mended.

use std::time::Duration;

use leadcast::{leads::expire_due, users::Role};
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, DANA, PAT, QUINN, Who, lead_input, unique, with},
    both_engines,
    client::Client,
    socket::Heard,
    sql::Sql,
};

both_engines!(
    what_readers_could_not_read_is_not_taken,
    a_lead_that_cannot_be_expired_keeps_no_other_from_it,
    an_event_that_cannot_be_told_in_full_is_not_passed_over,
    a_void_token_does_nothing_more_on_an_open_socket,
    a_void_token_does_not_bring_its_role_back,
    fields_that_were_acknowledged_stay,
    a_retry_is_answered_when_its_time_has_passed,
    duplicates_that_come_at_once_are_found,
    a_reason_does_not_give_the_contact_away,
);

/// Rounds of a race: enough for it to be lost now and then where nothing guards it.
const ROUNDS: usize = 12;

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

async fn what_readers_could_not_read_is_not_taken(engine: Engine) {
    let server = TestServer::start(engine).await;
    for (depth, refusals) in [(15, vec![]), (16, vec!["INVALID attributes"]), (100, vec!["INVALID attributes"])] {
        let input = with(lead_input(), json!({ "attributes": { "a": nested(depth) } }));
        assert_eq!(server.act(CASEY, "createLead", input).await.refusals(), refusals, "{depth} deep");
    }
    // The language's own literals are not read by a reader of JSON.
    let deep = |depth: usize| {
        let literal = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        format!(
            "mutation {{ createLead(input: {{ reference: \"deep\", title: \"A\", description: \"B\", category: \"C\",
            location: {{ country: \"ZA\" }}, contact: {{ name: \"D\", phone: \"12345\" }}, attributes: {{ a: {literal} }} }}) {{
            lead {{ id }} userErrors {{ code }} }} }}"
        )
    };
    assert_eq!(server.ask(CASEY, &deep(130), json!({})).await.error_code(), "LIMIT_EXCEEDED");
    let refused = server.ask(CASEY, &deep(40), json!({})).await;
    assert_eq!(refused.data()["createLead"], json!({ "lead": null, "userErrors": [{ "code": "INVALID" }] }));
    let written = with(lead_input(), json!({ "attributes": { "a": "the text \\u0000, spelt out" } }));
    server.act(CASEY, "createLead", written).await.done();
}

async fn a_lead_that_cannot_be_expired_keeps_no_other_from_it(engine: Engine) {
    let server = TestServer::start(engine).await;
    let in_an_hour = server.app.clock.now().plus(Duration::from_hours(1)).to_string();
    let spoilt = server.open(json!({ "expiresAt": in_an_hour })).await;
    let sound = server.open(json!({})).await;
    let sql = Sql::of(&server).await;
    // Too deep for any reader: as if written by another hand.
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let (value, id) = match engine {
        Engine::Sqlite => (format!("jsonb('{deep}')"), "lower(hex(id)) = replace".to_owned()),
        Engine::Postgres => (format!("'{deep}'::jsonb"), "id::text = replace".to_owned()),
    };
    let dashes = if engine == Engine::Sqlite { "'-', ''" } else { "'', ''" };
    let spoil =
        format!("UPDATE leads SET attributes = {value} WHERE {id}('{}', {dashes})", spoilt.as_str().expect("an id"));
    sql.run(&spoil).await.expect("a row can be spoilt");

    server.advance(Duration::from_hours(24 * 30));
    expire_due(&server.app).await.expect("the worker goes on");
    let now = server.ask(ADMIN, "query($id: ID!) { lead(id: $id) { status } }", json!({ "id": sound })).await;
    assert_eq!(now.field("lead")["status"], "EXPIRED");
}

async fn an_event_that_cannot_be_told_in_full_is_not_passed_over(engine: Engine) {
    const STREAM: &str =
        "subscription($after: Cursor) { leadUpdated(after: $after) { cursor lead { title contact { name } } } }";
    let server = TestServer::start(engine).await;
    let lead = server.open(json!({})).await;
    let start = json!({ "after": server.cursor().await });
    let mut stream = server.socket("demo", "casey").await.subscribe(STREAM, start.clone());
    let edit = async |title: &str| {
        server.act(ADMIN, "updateLead", json!({ "id": lead, "title": title })).await.done();
    };
    edit("before").await;
    let before = stream.next().await;
    assert_eq!(before["lead"]["title"], "before");

    let sql = Sql::of(&server).await;
    sql.run("ALTER TABLE contacts RENAME TO contacts_away").await.expect("a table can be taken away");
    edit("meanwhile").await;
    let ended = stream.message().await;
    assert_eq!((&ended["type"], &ended["payload"][0]["extensions"]["code"]), (&json!("error"), &json!("INTERNAL")));
    sql.run("ALTER TABLE contacts_away RENAME TO contacts").await.expect("and brought back");

    let mut resumed = server.socket("demo", "casey").await.subscribe(STREAM, json!({ "after": before["cursor"] }));
    let missed = resumed.next().await;
    assert_eq!(missed["lead"], json!({ "title": "meanwhile", "contact": { "name": "Casey" } }));
}

async fn a_void_token_does_nothing_more_on_an_open_socket(engine: Engine) {
    let server = TestServer::start(engine).await;
    let mut socket = server.socket("demo", "quinn").await;
    let mut stream = socket.subscribe("subscription { leadCreated { lead { id } } }", json!({}));
    assert_eq!(socket.subscribe("{ viewer { id } }", json!({})).next().await["id"], "quinn");
    let demoted = json!({ "id": "quinn", "role": "CUSTOMER" });
    server.act(ADMIN, "upsertUser", demoted).await.done();
    let ended = stream.heard().await;
    assert!(matches!(ended, Heard::Closed { code: 4403, .. }), "{ended:?}");
}

/// Asks with this very token until told not to.
async fn keep_asking(client: Client, stop: tokio::sync::watch::Receiver<bool>) {
    while !*stop.borrow() {
        client.query("{ viewer { id } }", json!({})).await;
    }
}

async fn a_void_token_does_not_bring_its_role_back(engine: Engine) {
    let server = TestServer::start(engine).await;
    for _ in 0..ROUNDS {
        let user = unique("turncoat");
        let old = server.token_for("demo", &user, Role::Customer);
        let (done, stop) = tokio::sync::watch::channel(false);
        let old = Client::new(server.url("/graphql"), Some(old));
        old.query("{ viewer { id } }", json!({})).await.data();
        let asking = tokio::spawn(keep_asking(old, stop));
        server.act(ADMIN, "upsertUser", json!({ "id": user, "role": "SERVICE" })).await.done();
        done.send_replace(true);
        asking.await.expect("the client does not panic");
        let role = server.ask(ADMIN, "query($id: ID!) { user(id: $id) { role } }", json!({ "id": user })).await;
        assert_eq!(role.field("user")["role"], "SERVICE", "{user}");
    }
}

async fn fields_that_were_acknowledged_stay(engine: Engine) {
    let server = TestServer::start(engine).await;
    for round in 0..ROUNDS {
        let user = unique("user");
        let input = |field: &str, value: &str| json!({ "id": user, "role": "CUSTOMER", field: value });
        let (name, email, phone) = tokio::join!(
            server.act(ADMIN, "upsertUser", input("name", "Robin")),
            server.act(ADMIN, "upsertUser", input("email", "robin@example.com")),
            server.act(ADMIN, "upsertUser", input("phone", "082 123 4567")),
        );
        for acknowledged in [name, email, phone] {
            acknowledged.done();
        }
        let found =
            server.ask(ADMIN, "query($id: ID!) { user(id: $id) { name email phone } }", json!({ "id": user })).await;
        assert_eq!(
            *found.field("user"),
            json!({ "name": "Robin", "email": "robin@example.com", "phone": "082 123 4567" })
        );

        let (price, places) = (100 + round, 10 + round);
        let (first, second) = tokio::join!(
            server.act(ADMIN, "updateTenantSettings", json!({ "defaultLeadPrice": price })),
            server.act(ADMIN, "updateTenantSettings", json!({ "defaultMaxClaims": places })),
        );
        for acknowledged in [first, second] {
            acknowledged.done();
        }
        let lead = server.act(CASEY, "createLead", lead_input()).await;
        let lead = &lead.done()["lead"];
        assert_eq!((&lead["price"], &lead["maxClaims"]), (&json!(price), &json!(places)));
    }
}

async fn a_retry_is_answered_when_its_time_has_passed(engine: Engine) {
    let server = TestServer::start(engine).await;
    let soon = server.app.clock.now().plus(Duration::from_mins(1)).to_string();
    let input = with(lead_input(), json!({ "expiresAt": soon }));
    let posted = server.act(CASEY, "createLead", input.clone()).await;
    server.advance(Duration::from_mins(2));
    let again = server.act(CASEY, "createLead", input.clone()).await;
    assert_eq!((&again.done()["replayed"], &again.done()["lead"]["id"]), (&json!(true), &posted.done()["lead"]["id"]));
    let late = with(input, json!({ "reference": unique("late") }));
    assert_eq!(server.act(CASEY, "createLead", late).await.refusals(), ["INVALID expiresAt"]);
}

async fn duplicates_that_come_at_once_are_found(engine: Engine) {
    let server = TestServer::start(engine).await;
    server.act(ADMIN, "updateTenantSettings", json!({ "autoVerifyLeads": true })).await.done();
    for _ in 0..ROUNDS {
        let contact = json!({ "name": "Casey", "email": format!("{}@example.com", unique("same")) });
        let post = |who: Who| {
            let input = with(lead_input(), json!({ "contact": contact }));
            server.act(who, "createLead", input)
        };
        let (a, b, c) = tokio::join!(post(CASEY), post(DANA), post(CASEY));
        let open = [a, b, c].iter().filter(|posted| posted.done()["lead"]["status"] == "OPEN").count();
        assert_eq!(open, 1);
    }
}

async fn a_reason_does_not_give_the_contact_away(engine: Engine) {
    let server = TestServer::start(engine).await;
    let lead = server.open(json!({})).await;
    for reason in ["write to casey@example.com instead", "call +27 82 123 4567"] {
        let refused = server.act(CASEY, "withdrawLead", json!({ "id": lead, "reason": reason })).await;
        assert_eq!(refused.refusals(), ["INVALID reason"], "{reason}");
    }
    server.act(CASEY, "withdrawLead", json!({ "id": lead, "reason": "no longer needed" })).await.done();
    for who in [PAT, QUINN] {
        let seen = server.ask(who, "query($id: ID!) { lead(id: $id) { statusReason } }", json!({ "id": lead })).await;
        assert_eq!(seen.field("lead")["statusReason"], "no longer needed");
    }
}
