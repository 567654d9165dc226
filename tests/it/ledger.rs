//! Wallets and their ledger: what moves a balance and what cannot, in the database itself too.

use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, DANA, PAT, QUINN, RIVAL, ROBOT, SAM, Who, unique, with, word},
    both_engines,
    sql::Sql,
};

both_engines!(
    entries_cannot_be_changed_or_deleted,
    a_balance_stays_in_its_range_in_the_database_too,
    entries_form_a_chain_and_add_up_to_the_balance,
    a_top_up_counts_once,
    an_adjustment_counts_once,
    only_providers_have_a_wallet,
    a_provider_nobody_has_seen_is_made_known_by_its_credits,
    a_lead_may_cost_nothing,
);

const MAX: i64 = 9_007_199_254_740_991;

const WALLET: &str = "query($owner: ID) { wallet(ownerId: $owner) { balance version
    entries(first: 100) { totalCount nodes { id type change previousBalance balance reference reason claim { id } } } } }";

async fn wallet_of(server: &TestServer, owner: Who) -> Value {
    server.ask(ROBOT, WALLET, json!({ "owner": owner.user })).await.field("wallet").clone()
}

async fn entries_cannot_be_changed_or_deleted(engine: Engine) {
    let server = TestServer::start(engine).await;
    let lead = server.open(json!({})).await;
    server.claim(PAT, &lead).await;
    let before = wallet_of(&server, PAT).await;
    let sql = Sql::of(&server).await;
    let mut attempts = vec![
        "UPDATE ledger_entries SET reason = 'forged'",
        "UPDATE ledger_entries SET change = change + 1, balance = balance + 1 WHERE entry_type = 'CLAIM'",
        "DELETE FROM ledger_entries",
        "DELETE FROM ledger_entries WHERE entry_type = 'CLAIM'",
    ];
    if !sql.is_sqlite() {
        attempts.extend(["TRUNCATE ledger_entries", "TRUNCATE wallets CASCADE", "TRUNCATE users, wallets CASCADE"]);
        attempts.push(
            "INSERT INTO ledger_entries SELECT * FROM ledger_entries ON CONFLICT (tenant_id, id) DO UPDATE SET change = 0",
        );
    }
    for attempt in attempts {
        let refusal = sql.run(attempt).await.expect_err(attempt);
        assert!(refusal.contains("ledger entries cannot be changed or deleted"), "{attempt}: {refusal}");
    }
    if sql.is_sqlite() {
        // Deletes what is in its way, without a DELETE that a trigger would see.
        let forged = "SELECT tenant_id, id, wallet_id, version, entry_type, 0, balance, balance, claim_id, reference,
            request_hash, 'forged', created_at FROM ledger_entries";
        sql.run(&format!("REPLACE INTO ledger_entries {forged}")).await.expect("nothing is replaced");
        let forged = forged.replace(" id,", " randomblob(16),");
        sql.run(&format!("REPLACE INTO ledger_entries {forged}")).await.expect("nothing is replaced");
    }
    assert_eq!(wallet_of(&server, PAT).await, before);
}

async fn a_balance_stays_in_its_range_in_the_database_too(engine: Engine) {
    let server = TestServer::start(engine).await;
    let sql = Sql::of(&server).await;
    for attempt in [
        "UPDATE wallets SET balance = -1",
        "UPDATE wallets SET balance = balance - 101 WHERE owner_id = 'pat'",
        "UPDATE wallets SET balance = 9007199254740992",
        "UPDATE leads SET claim_count = max_claims + 1",
        "UPDATE leads SET claim_count = -1",
        "UPDATE leads SET price = -1",
    ] {
        server.open(json!({})).await;
        let refusal = sql.run(attempt).await.expect_err(attempt);
        assert!(refusal.to_lowercase().contains("check constraint"), "{attempt}: {refusal}");
    }
    assert_eq!(wallet_of(&server, PAT).await["balance"], 100);
}

/// Of everything that moves a balance.
async fn entries_form_a_chain_and_add_up_to_the_balance(engine: Engine) {
    let server = TestServer::start(engine).await;
    let start = server.cursor().await;
    server.fund(PAT, 50).await;
    let change =
        |change: i64| json!({ "ownerId": "pat", "change": change, "reference": unique("change"), "reason": "a test" });
    server.act(ADMIN, "adjustWallet", change(-30)).await.done();
    let lead = server.open(json!({ "price": 20 })).await;
    let claim = server.claim(PAT, &lead).await;
    server.act(ROBOT, "refundClaim", json!({ "id": claim, "amount": 15, "reason": "half a job" })).await.done();
    server.act(ADMIN, "adjustWallet", change(7)).await.done();

    let wallet = wallet_of(&server, PAT).await;
    assert_eq!(
        (&wallet["balance"], &wallet["version"], &wallet["entries"]["totalCount"]),
        (&json!(122), &json!(6), &json!(6))
    );
    let mut entries = wallet["entries"]["nodes"].as_array().expect("a list").clone();
    entries.reverse();
    let told: Vec<_> = entries.iter().map(|entry| format!("{} {}", entry["type"], entry["change"])).collect();
    let expected = ["GRANT 100", "TOP_UP 50", "ADJUSTMENT -30", "CLAIM -20", "REFUND 15", "ADJUSTMENT 7"];
    assert_eq!(told.join(", ").replace('"', ""), expected.join(", "));
    let mut balance = 0;
    for entry in &entries {
        assert_eq!(entry["previousBalance"], balance, "{entry:#}");
        balance += entry["change"].as_i64().expect("a number");
        assert_eq!(entry["balance"], balance, "{entry:#}");
    }
    assert_eq!((&entries[3]["claim"]["id"], &entries[4]["claim"]["id"]), (&claim, &claim));
    assert_eq!((&entries[4]["reason"], &entries[4]["reference"]), (&json!("half a job"), &Value::Null));
    let versions = "SELECT max(version) || '/' || count(*) || '/' || min(version) FROM ledger_entries
        WHERE wallet_id = (SELECT id FROM wallets WHERE owner_id = 'pat' ORDER BY version DESC LIMIT 1)";
    assert_eq!(Sql::of(&server).await.text(versions).await, "6/6/1");

    let told: Vec<_> =
        server.events(PAT, &start).await.iter().map(word).filter(|word| word.contains("BALANCE")).collect();
    assert_eq!(told, ["BALANCE+50", "BALANCE-30", "BALANCE-20", "BALANCE+15", "BALANCE+7"]);
}

async fn a_top_up_counts_once(engine: Engine) {
    let server = TestServer::start(engine).await;
    let input = json!({ "ownerId": "pat", "amount": 40, "reference": "invoice 7" });
    let first = server.act(ROBOT, "topUpWallet", input.clone()).await;
    let (wallet, entry) = (&first.done()["wallet"], &first.done()["entry"]);
    assert_eq!(
        (&wallet["balance"], &wallet["version"], &first.done()["replayed"]),
        (&json!(140), &json!(2), &json!(false))
    );
    assert_eq!(
        (&entry["type"], &entry["reference"], &entry["reason"]),
        (&json!("TOP_UP"), &json!("invoice 7"), &Value::Null)
    );

    server.fund(PAT, 1).await;
    // Whoever sends it, and however the reference is padded; the wallet is shown as it is by now.
    for (who, change) in
        [(ROBOT, json!({})), (ADMIN, json!({ "granted": false })), (ROBOT, json!({ "reference": " invoice 7 " }))]
    {
        let again = server.act(who, "topUpWallet", with(input.clone(), change)).await;
        assert_eq!((&again.done()["replayed"], &again.done()["entry"]), (&json!(true), entry));
        assert_eq!(again.done()["wallet"]["balance"], 141);
    }
    let before = Sql::of(&server).await.traces().await;
    for change in [
        json!({ "amount": 41 }),
        json!({ "granted": true }),
        json!({ "ownerId": "quinn" }),
        json!({ "ownerId": "zoe" }),
    ] {
        let other = server.act(ADMIN, "topUpWallet", with(input.clone(), change)).await;
        assert_eq!(other.refusals(), ["REFERENCE_MISMATCH reference"]);
    }
    let adjustment = json!({ "ownerId": "pat", "change": 40, "reference": "invoice 7", "reason": "a test" });
    let other = server.act(ADMIN, "adjustWallet", adjustment).await;
    assert_eq!(other.refusals(), ["REFERENCE_MISMATCH reference"]);
    assert_eq!(Sql::of(&server).await.traces().await, before);

    // A reference is the tenant's: another tenant may have the same.
    let other = server.act(RIVAL, "topUpWallet", with(input, json!({ "granted": true }))).await;
    assert_eq!((&other.done()["replayed"], &other.done()["entry"]["type"]), (&json!(false), &json!("GRANT")));
    assert_eq!(wallet_of(&server, QUINN).await["balance"], 100);
}

async fn an_adjustment_counts_once(engine: Engine) {
    let server = TestServer::start(engine).await;
    let input = json!({ "ownerId": "pat", "change": -60, "reference": "fix 1", "reason": "charged twice" });
    let first = server.act(ADMIN, "adjustWallet", input.clone()).await;
    assert_eq!(
        (&first.done()["wallet"]["balance"], &first.done()["entry"]["reason"]),
        (&json!(40), &json!("charged twice"))
    );
    // It is found although it could not be paid once more.
    let again = server.act(ADMIN, "adjustWallet", input.clone()).await;
    assert_eq!((&again.done()["replayed"], &again.done()["entry"]), (&json!(true), &first.done()["entry"]));
    for (change, refusal) in [
        (json!({ "reason": "charged thrice" }), "REFERENCE_MISMATCH reference"),
        (json!({ "change": 60 }), "REFERENCE_MISMATCH reference"),
        (json!({ "reference": "fix 2" }), "INSUFFICIENT_CREDITS change"),
        (json!({ "reference": "fix 2", "change": MAX }), "INVALID change"),
        (json!({ "reference": "fix 2", "ownerId": "nobody" }), "NOT_FOUND ownerId"),
        (json!({ "reference": "fix 2", "ownerId": "casey" }), "NOT_FOUND ownerId"),
    ] {
        let refused = server.act(ADMIN, "adjustWallet", with(input.clone(), change.clone())).await;
        assert_eq!(refused.refusals(), [refusal], "{change}");
    }
    let all = json!({ "ownerId": "pat", "change": -40, "reference": "fix 3", "reason": "to nothing" });
    assert_eq!(server.act(ADMIN, "adjustWallet", all).await.done()["wallet"]["balance"], 0);
}

async fn only_providers_have_a_wallet(engine: Engine) {
    let server = TestServer::start(engine).await;
    for who in [ADMIN, CASEY, DANA, ROBOT] {
        let own =
            server.ask(who, "{ wallet { id } viewer { wallet { id } user { wallet { id } } } }", Value::Null).await;
        assert_eq!(own.data(), &json!({ "wallet": null, "viewer": { "wallet": null, "user": { "wallet": null } } }));
        let input = json!({ "ownerId": who.user, "amount": 5, "reference": unique("wrong") });
        let refused = server.act(ADMIN, "topUpWallet", input).await;
        assert_eq!(refused.refusals(), ["INVALID ownerId"], "{who:?}");
        assert_eq!(refused.payload()["wallet"], Value::Null);
    }
    // Whoever was a provider keeps the wallet, and gets no more into it.
    server.act(ADMIN, "upsertUser", json!({ "id": "pat", "role": "CUSTOMER" })).await.done();
    let input = json!({ "ownerId": "pat", "amount": 5, "reference": unique("wrong") });
    assert_eq!(server.act(ADMIN, "topUpWallet", input).await.refusals(), ["INVALID ownerId"]);
    assert_eq!(wallet_of(&server, PAT).await["balance"], 100);
}

async fn a_provider_nobody_has_seen_is_made_known_by_its_credits(engine: Engine) {
    let server = TestServer::start(engine).await;
    let user = "query($id: ID!) { user(id: $id) { name role email wallet { balance } } }";
    let ask = || server.ask(ROBOT, user, json!({ "id": "sam" }));
    assert_eq!(ask().await.field("user"), &Value::Null);
    let input = json!({ "ownerId": "sam", "amount": 5, "reference": "welcome", "granted": true });
    assert_eq!(server.act(ROBOT, "topUpWallet", input).await.done()["wallet"]["balance"], 5);
    let made = json!({ "name": "sam", "role": "PROVIDER", "email": null, "wallet": { "balance": 5 } });
    assert_eq!(ask().await.field("user"), &made);
    // Its first token finds what is there.
    let own = server.ask(SAM, "{ viewer { wallet { balance version } } }", Value::Null).await;
    assert_eq!(own.field("viewer")["wallet"], json!({ "balance": 5, "version": 1 }));
}

async fn a_lead_may_cost_nothing(engine: Engine) {
    let server = TestServer::start(engine).await;
    let empty = json!({ "ownerId": "pat", "change": -100, "reference": "empty", "reason": "a test" });
    server.act(ADMIN, "adjustWallet", empty).await.done();
    for terms in [json!({ "price": 0 }), json!({ "isTest": true })] {
        let lead = server.open(terms).await;
        let claimed = server.act(PAT, "claimLead", json!({ "leadId": lead, "maxPrice": 0 })).await;
        let entry = &claimed.done()["entry"];
        assert_eq!((&entry["type"], &entry["change"], &entry["balance"]), (&json!("CLAIM"), &json!(0), &json!(0)));
        let refund = json!({ "id": claimed.done()["claim"]["id"], "reason": "a test" });
        let refunded = server.act(ADMIN, "refundClaim", refund).await;
        let entry = &refunded.done()["entry"];
        assert_eq!((&entry["type"], &entry["change"], &entry["balance"]), (&json!("REFUND"), &json!(0), &json!(0)));
    }
    let lead = server.open(json!({ "price": 1 })).await;
    let refused = server.act(PAT, "claimLead", json!({ "leadId": lead, "maxPrice": 1 })).await;
    assert_eq!(refused.refusals(), ["INSUFFICIENT_CREDITS leadId"]);
    assert_eq!(refused.payload()["wallet"]["balance"], 0);
}
