//! Who is asked about a lead: what the worker that distributes leads stands on.

use leadcast::{ids::UserId, matching, tenants::find_by_slug};
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    api::{ADMIN, RIVAL, ROBOT, Who},
    both_engines,
};

both_engines!(the_accepting_providers_of_a_category_in_order);

const PROVIDERS: usize = 12;

async fn provider(server: &TestServer, admin: Who, id: &str, profile: Value) {
    server.act(admin, "upsertUser", json!({ "id": id, "role": "PROVIDER" })).await.done();
    let profile = crate::support::api::with(profile, json!({ "providerId": id }));
    server.act(admin, "updateProviderProfile", profile).await.done();
}

/// The ids of all, read so many at a time.
async fn found(server: &TestServer, tenant: &str, category: &str, at_once: i64) -> Vec<String> {
    let tenant = find_by_slug(&server.app.db, tenant).await.expect("an answer").expect("the tenant");
    let mut after: Option<UserId> = None;
    let mut found = Vec::new();
    loop {
        let (category, from) = (category.to_owned(), after.clone());
        let read = async move |tx: &_| matching::candidates(tenant, tx, &category, from.as_ref(), at_once).await;
        let page = server.app.db.read(tenant, read).await.expect("the profiles can be read");
        assert!(page.iter().all(|profile| profile.accepting_leads && profile.version > 0), "{page:#?}");
        found.extend(page.iter().map(|profile| profile.provider_id.to_string()));
        let Some(last) = page.last() else { return found };
        after = Some(last.provider_id.clone());
        if i64::try_from(page.len()).expect("few") < at_once {
            return found;
        }
    }
}

async fn the_accepting_providers_of_a_category_in_order(engine: Engine) {
    let server = TestServer::start(engine).await;
    let name = |n: usize| format!("provider-{n:02}");
    // Neither made nor named in the order of their ids.
    for n in (0..PROVIDERS).rev() {
        let categories = if n % 3 == 0 { json!(["Plumbing"]) } else { json!(["Plumbing", "STRASSENBAU"]) };
        provider(&server, ADMIN, &name(n), json!({ "categories": categories })).await;
    }
    provider(&server, RIVAL, "provider-00", json!({ "categories": ["straßenbau"] })).await;
    provider(&server, RIVAL, "rival-only", json!({ "categories": ["straßenbau"] })).await;
    let expected = |but: &[usize]| -> Vec<String> {
        (0..PROVIDERS).filter(|n| n % 3 != 0 && !but.contains(n)).map(name).collect()
    };
    for category in ["Straßenbau", "STRASSENBAU"] {
        for at_once in [1, 3, 8, 100] {
            assert_eq!(found(&server, "demo", category, at_once).await, expected(&[]), "{category}, {at_once}");
        }
    }
    assert_eq!(found(&server, "rival", "Straßenbau", 10).await, ["provider-00", "rival-only"]);
    assert_eq!(found(&server, "demo", "Straßen", 10).await, Vec::<String>::new());

    // Who wants no leads, wants others, or is something else by now is not found; who comes back is.
    let change = async |n: usize, change: Value| {
        let input = crate::support::api::with(change, json!({ "providerId": name(n) }));
        server.act(ROBOT, "updateProviderProfile", input).await.done();
    };
    change(1, json!({ "acceptingLeads": false })).await;
    change(2, json!({ "categories": ["Plumbing"] })).await;
    server.act(ADMIN, "upsertUser", json!({ "id": name(4), "role": "CUSTOMER" })).await.done();
    assert_eq!(found(&server, "demo", "Straßenbau", 2).await, expected(&[1, 2, 4]));
    change(1, json!({ "acceptingLeads": true })).await;
    assert_eq!(found(&server, "demo", "Straßenbau", 2).await, expected(&[2, 4]));

    // By their ids; of who has said nothing, what that means.
    let tenant = find_by_slug(&server.app.db, "demo").await.expect("an answer").expect("the tenant");
    let asked = [UserId::from(name(5)), UserId::from("pat"), UserId::from("rival-only")];
    let read = async move |tx: &_| matching::profiles(tenant, tx, &asked).await;
    let profiles = server.app.db.read(tenant, read).await.expect("the profiles can be read");
    assert_eq!(profiles.len(), 3);
    assert_eq!(profiles[&UserId::from(name(5))].categories, ["Plumbing", "STRASSENBAU"]);
    for nothing in ["pat", "rival-only"] {
        let nothing = UserId::from(nothing);
        assert_eq!(profiles[&nothing], matching::ProviderProfile::default_of(nothing.clone()));
    }
}
