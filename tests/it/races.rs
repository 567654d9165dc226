//! Whoever races whom, through the API: places, wallets and references come out right. Every race is run in two tenants at
//! once, under the same names.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer, both_engines,
    client::Answer,
    market::{Books, CREATE, Market, count, few_at_once, insist, lead_input, number, of_type, types},
};

both_engines!(
    fifty_providers_get_the_five_places_of_a_lead,
    a_provider_that_claims_fifty_times_pays_once,
    two_hundred_claims_take_no_more_than_the_wallet_holds,
    a_top_up_that_comes_twenty_times_counts_once,
    a_reference_for_two_wallets_goes_to_one,
    a_lead_that_is_posted_twenty_times_is_one,
    a_place_that_is_given_back_goes_to_one,
    a_refund_is_final_whatever_is_reported_beside_it,
);

/// The same race in both tenants at once.
async fn in_both<'a, F: Future<Output = ()>>(server: &'a TestServer, race: impl Fn(Market<'a>) -> F) {
    join_all(Market::both(server).map(race)).await;
}

/// Those that did it themselves, and those that were told it had been done.
fn first_and_replays<'a>(answers: &'a [Answer], field: &str) -> (Vec<&'a Value>, Vec<&'a Value>) {
    answers.iter().map(|answer| answer.field(field)).partition(|payload| payload["replayed"] == false)
}

/// The different values at this place.
fn distinct(payloads: impl IntoIterator<Item = impl std::borrow::Borrow<Value>>, pointer: &str) -> BTreeSet<String> {
    let values = payloads.into_iter().map(|payload| payload.borrow().pointer(pointer).expect("selected").to_string());
    values.collect()
}

async fn fifty_providers_get_the_five_places_of_a_lead(engine: Engine) {
    let server = TestServer::start(engine).await;
    in_both(&server, async |market: Market<'_>| {
        let providers = market.providers(50, 10).await;
        let lead = market.open("wanted by fifty", json!({ "price": 3, "maxClaims": 5 })).await;
        let after = market.mark().await;
        let answers = join_all(providers.iter().map(|provider| market.claim(provider, &lead))).await;

        let mut winners = BTreeSet::new();
        for (provider, answer) in providers.iter().zip(&answers) {
            let payload = &answer.data()["claimLead"];
            if answer.user_errors().is_empty() {
                assert_eq!((&payload["replayed"], &payload["wallet"]["balance"]), (&json!(false), &json!(7)));
                winners.insert(provider.as_str());
            } else {
                assert_eq!(answer.user_errors(), ["LEAD_FULL"]);
                let refusal = &payload["userErrors"][0];
                assert_eq!((&refusal["claimCount"], &refusal["maxClaims"]), (&json!(5), &json!(5)));
                assert_eq!(payload["wallet"]["balance"], 10);
            }
        }
        assert_eq!(winners.len(), 5);

        let seen = market.lead(&lead).await;
        assert_eq!((&seen["claimCount"], &seen["status"]), (&json!(5), &json!("FULL")));
        let claimants = seen["claims"]["nodes"].as_array().expect("a list");
        let claimants: Vec<_> =
            claimants.iter().map(|claim| claim["provider"]["id"].as_str().expect("a name")).collect();
        assert_eq!((claimants.len(), &claimants.into_iter().collect()), (5, &winners));

        for (owner, books) in market.audit().await.iter().filter(|(owner, _)| owner.starts_with("provider-")) {
            let won = winners.contains(owner.as_str());
            let expected = if won { Books { balance: 7, entries: 2 } } else { Books { balance: 10, entries: 1 } };
            assert_eq!(*books, expected, "{owner}");
        }
        let events = market.history("admin", &after).await;
        let claimed = "LeadClaimedEvent";
        assert_eq!(types(&events), [claimed, claimed, claimed, claimed, claimed, "LeadUpdatedEvent"]);
        let counts: Vec<_> = of_type(&events, claimed).iter().map(|event| number(&event["claimCount"])).collect();
        assert_eq!((counts, &events[5]["leadChange"]), (vec![1, 2, 3, 4, 5], &json!("FILLED")));
    })
    .await;
}

async fn a_provider_that_claims_fifty_times_pays_once(engine: Engine) {
    let server = TestServer::start(engine).await;
    in_both(&server, async |market: Market<'_>| {
        let lead = market.open("wanted fifty times", json!({ "price": 3, "maxClaims": 5 })).await;
        let after = market.mark().await;
        let answers = join_all((0..50).map(|_| market.claim("pat", &lead))).await;

        let (first, replays) = first_and_replays(&answers, "claimLead");
        assert_eq!((first.len(), replays.len()), (1, 49));
        for place in ["/claim/id", "/entry/id", "/wallet/balance", "/lead/claimCount"] {
            assert_eq!(distinct(answers.iter().map(|answer| answer.field("claimLead")), place).len(), 1, "{place}");
        }
        assert_eq!(first[0]["lead"]["claimCount"], 1);
        assert_eq!(market.audit().await["pat"], Books { balance: 97, entries: 2 });
        let events = market.history("pat", &after).await;
        assert_eq!(types(&events), ["LeadClaimedEvent", "BalanceUpdatedEvent"]);
    })
    .await;
}

async fn two_hundred_claims_take_no_more_than_the_wallet_holds(engine: Engine) {
    let server = TestServer::start(engine).await;
    in_both(&server, async |market: Market<'_>| {
        let names: Vec<_> = (0..200).map(|n| format!("lead {n}")).collect();
        let leads = few_at_once(names.iter().map(|name| market.open(name, json!({ "price": 5 })))).await;
        let after = market.mark().await;
        // Worth twenty leads.
        let answers = join_all(leads.iter().map(|lead| market.claim("pat", lead))).await;

        let (paid, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.user_errors().is_empty());
        assert_eq!((paid.len(), refused.len()), (20, 180));
        let mut balances: Vec<_> =
            paid.iter().map(|answer| number(&answer.field("claimLead")["wallet"]["balance"])).collect();
        balances.sort_unstable();
        assert_eq!(balances, (0..20).map(|n| 5 * n).collect::<Vec<_>>());
        for answer in refused {
            assert_eq!(answer.user_errors(), ["INSUFFICIENT_CREDITS"]);
            let refusal = &answer.data()["claimLead"]["userErrors"][0];
            assert_eq!((&refusal["required"], &refusal["available"]), (&json!(5), &json!(0)));
        }
        assert_eq!(market.audit().await["pat"], Books { balance: 0, entries: 21 });
        let events = market.history("pat", &after).await;
        assert_eq!(events.len(), 40);
        let balances = of_type(&events, "BalanceUpdatedEvent").into_iter().map(|event| number(&event["balance"]));
        assert_eq!(balances.collect::<Vec<_>>(), (0..20).rev().map(|n| 5 * n).collect::<Vec<_>>());
    })
    .await;
}

async fn a_top_up_that_comes_twenty_times_counts_once(engine: Engine) {
    let server = TestServer::start(engine).await;
    in_both(&server, async |market: Market<'_>| {
        let after = market.mark().await;
        let (top_ups, adjustments) = join(
            join_all((0..20).map(|_| market.top_up("pat", 50, "payment 4711"))),
            join_all((0..20).map(|_| market.adjust("pat", -30, "mistake 4712"))),
        )
        .await;
        for (answers, field) in [(top_ups, "topUpWallet"), (adjustments, "adjustWallet")] {
            let (first, replays) = first_and_replays(&answers, field);
            assert_eq!((first.len(), replays.len()), (1, 19));
            assert_eq!(distinct(answers.iter().map(|answer| answer.field(field)), "/entry/id").len(), 1);
        }
        assert_eq!(market.audit().await["pat"], Books { balance: 120, entries: 3 });
        assert_eq!(market.history("pat", &after).await.len(), 2);
    })
    .await;
}

/// They lock different wallets, so nothing but the reference itself stands between them.
async fn a_reference_for_two_wallets_goes_to_one(engine: Engine) {
    let server = TestServer::start(engine).await;
    in_both(&server, async |market: Market<'_>| {
        for n in 0..5 {
            let reference = format!("payment {n}");
            let owners = ["pat", "quinn", "riley", "someone new"];
            let answers = join_all(owners.map(|owner| market.top_up(owner, 1, &reference))).await;
            let (taken, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.user_errors().is_empty());
            assert_eq!((taken.len(), refused.len()), (1, 3));
            for answer in refused {
                assert_eq!(answer.user_errors(), ["REFERENCE_MISMATCH"]);
            }
        }
        assert_eq!(market.audit().await.values().map(|books| books.balance).sum::<i64>(), 305);
    })
    .await;
}

async fn a_lead_that_is_posted_twenty_times_is_one(engine: Engine) {
    let server = TestServer::start(engine).await;
    in_both(&server, async |market: Market<'_>| {
        let after = market.mark().await;
        let admin = market.user("admin");
        let input = json!({ "input": lead_input("posted by an impatient client", json!({ "price": 1 })) });
        let answers = join_all((0..20).map(|_| insist(&admin, CREATE, input.clone()))).await;
        let (first, replays) = first_and_replays(&answers, "createLead");
        assert_eq!((first.len(), replays.len()), (1, 19));
        assert_eq!(distinct(answers.iter().map(|answer| answer.field("createLead")), "/lead/id").len(), 1);

        let all = admin.query("{ leads(filter: { statuses: [IN_REVIEW] }) { totalCount } }", Value::Null).await;
        assert_eq!(all.field("leads")["totalCount"], 1);
        let events = market.history("admin", &after).await;
        assert_eq!((events.len(), &events[0]["leadChange"]), (1, &json!("SUBMITTED")));
    })
    .await;
}

async fn a_place_that_is_given_back_goes_to_one(engine: Engine) {
    let server = TestServer::start(engine).await;
    in_both(&server, async |market: Market<'_>| {
        for n in 0..8 {
            let lead = market.open(&format!("lead {n}"), json!({ "price": 2, "maxClaims": 1 })).await;
            let claimed = market.claim("pat", &lead).await;
            let after = market.mark().await;
            let claim = &claimed.field("claimLead")["claim"]["id"];
            let rivals = ["quinn", "riley"].map(|provider| market.claim(provider, &lead));
            let (refunded, answers) = join(market.refund(claim, true), join_all(rivals)).await;

            assert_eq!(refunded.field("refundClaim")["replayed"], false);
            let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.user_errors().is_empty());
            assert!(won.len() <= 1, "{won:?}");
            for answer in lost {
                assert_eq!(answer.user_errors(), ["LEAD_FULL"]);
            }
            let seen = market.lead(&lead).await;
            assert_eq!(seen["claimCount"], count(&won));
            assert_eq!(seen["status"], if won.is_empty() { "OPEN" } else { "FULL" });
            let mut expected = vec!["ClaimUpdatedEvent", "LeadUpdatedEvent"];
            if !won.is_empty() {
                expected.extend(["LeadClaimedEvent", "LeadUpdatedEvent"]);
            }
            let events = market.history("admin", &after).await;
            assert_eq!(types(&events), expected);
            let changes: Vec<_> =
                of_type(&events, "LeadUpdatedEvent").iter().map(|event| event["leadChange"].as_str()).collect();
            assert_eq!(changes, [Some("REOPENED"), Some("FILLED")][..changes.len()]);
        }
        assert_eq!(market.audit().await["pat"].balance, 100);
    })
    .await;
}

async fn a_refund_is_final_whatever_is_reported_beside_it(engine: Engine) {
    let server = TestServer::start(engine).await;
    in_both(&server, async |market: Market<'_>| {
        for n in 0..8 {
            let lead = market.open(&format!("lead {n}"), json!({ "price": 2 })).await;
            let claimed = market.claim("pat", &lead).await;
            let claim = &claimed.field("claimLead")["claim"]["id"];
            let after = market.mark().await;
            let reports = ["CONTACTED", "WON", "LOST"].map(|outcome| market.report("pat", claim, outcome));
            let refunds = [(); 3].map(|()| market.refund(claim, false));
            let (reports, refunds) = join(join_all(reports), join_all(refunds)).await;

            let (first, replays) = first_and_replays(&refunds, "refundClaim");
            assert_eq!((first.len(), replays.len()), (1, 2));
            assert_eq!(distinct(refunds.iter().map(|answer| answer.field("refundClaim")), "/entry/id").len(), 1);
            // After the refund, or CONTACTED after WON or LOST.
            assert!(reports.iter().all(|answer| matches!(answer.user_errors()[..], [] | ["INVALID"])), "{reports:?}");

            let reported = reports.iter().filter(|answer| answer.user_errors().is_empty()).count();
            let events = market.history("admin", &after).await;
            assert_eq!(types(&events), vec!["ClaimUpdatedEvent"; reported + 1]);
            for (n, event) in (2..).zip(&events) {
                assert_eq!(event["claim"]["version"], n, "{events:#?}");
            }
            assert_eq!(events[reported]["claim"]["status"], "REFUNDED");
        }
        assert_eq!(market.audit().await["pat"], Books { balance: 100, entries: 17 });
    })
    .await;
}
