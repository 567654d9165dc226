//! The table of mutations: how often a storm sends each, who may send it, and what it is about to be asked for. A test holds it
//! against the schema, so that a new mutation must join.

use leadcast::users::Role;
use serde_json::{Value, json};

use super::{notifications, world::World};
use crate::support::{
    api::{ADMIN, CASEY, DANA, PAT, QUINN, RILEY, ROBOT, SAM, Who},
    random::Random,
};

pub struct Mutation {
    pub name: &'static str,
    /// How often, beside the others.
    weight: u64,
    pub roles: &'static [Role],
    /// Who sends what.
    plan: fn(&mut Random, &mut World) -> (Who, Value),
}

const OPERATORS: &[Role] = &[Role::Admin, Role::Service];
const OWNERS: &[Role] = &[Role::Customer, Role::Admin, Role::Service];
const PROVIDER: &[Role] = &[Role::Provider];
const PROFILED: &[Role] = &[Role::Provider, Role::Admin, Role::Service];
const ADMIN_ALONE: &[Role] = &[Role::Admin];
const EVERY_ROLE: &[Role] = &[Role::Provider, Role::Customer, Role::Admin, Role::Service];

#[rustfmt::skip] // a table
pub const MUTATIONS: [Mutation; 27] = [
    Mutation { name: "adjustWallet", weight: 6, roles: ADMIN_ALONE, plan: adjust_wallet },
    Mutation { name: "archiveNotifications", weight: 4, roles: EVERY_ROLE, plan: notifications::change },
    Mutation { name: "claimLead", weight: 30, roles: PROVIDER, plan: claim_lead },
    Mutation { name: "createLead", weight: 10, roles: OWNERS, plan: create_lead },
    Mutation { name: "createNotification", weight: 8, roles: OPERATORS, plan: notifications::create },
    Mutation { name: "deleteNotifications", weight: 3, roles: EVERY_ROLE, plan: notifications::change },
    Mutation { name: "markNotificationsRead", weight: 8, roles: EVERY_ROLE, plan: notifications::change },
    Mutation { name: "markNotificationsUnread", weight: 6, roles: EVERY_ROLE, plan: notifications::change },
    Mutation { name: "openNotification", weight: 4, roles: EVERY_ROLE, plan: notifications::open },
    Mutation { name: "refundClaim", weight: 12, roles: OPERATORS, plan: refund_claim },
    Mutation { name: "rejectLead", weight: 3, roles: OPERATORS, plan: reject_lead },
    Mutation { name: "retryDelivery", weight: 2, roles: OPERATORS, plan: retry_delivery },
    Mutation { name: "revokeTokens", weight: 3, roles: ADMIN_ALONE, plan: revoke_tokens },
    Mutation { name: "rotateWebhookSecret", weight: 2, roles: ADMIN_ALONE, plan: rotate_webhook_secret },
    Mutation { name: "snoozeNotifications", weight: 5, roles: EVERY_ROLE, plan: notifications::snooze },
    Mutation { name: "topUpWallet", weight: 8, roles: OPERATORS, plan: top_up_wallet },
    Mutation { name: "unarchiveNotifications", weight: 4, roles: EVERY_ROLE, plan: notifications::change },
    Mutation { name: "unsnoozeNotifications", weight: 4, roles: EVERY_ROLE, plan: notifications::change },
    Mutation { name: "updateClaim", weight: 8, roles: PROVIDER, plan: update_claim },
    Mutation { name: "updateLead", weight: 12, roles: OWNERS, plan: update_lead },
    Mutation { name: "updateNotificationPreferences", weight: 5, roles: EVERY_ROLE, plan: update_preferences },
    Mutation { name: "updateNotifications", weight: 3, roles: OPERATORS, plan: notifications::edit },
    Mutation { name: "updateProviderProfile", weight: 6, roles: PROFILED, plan: update_provider_profile },
    Mutation { name: "updateTenantSettings", weight: 3, roles: ADMIN_ALONE, plan: update_tenant_settings },
    Mutation { name: "upsertUser", weight: 4, roles: OPERATORS, plan: upsert_user },
    Mutation { name: "verifyLead", weight: 10, roles: OPERATORS, plan: verify_lead },
    Mutation { name: "withdrawLead", weight: 3, roles: OWNERS, plan: withdraw_lead },
];

/// The first two most often: wallets that many reach for at once. Who is not seeded is seen for the first time in the middle of
/// the storm, like DANA.
const PROVIDERS: [Who; 10] =
    [PAT, PAT, QUINN, QUINN, RILEY, SAM, provider("nora"), provider("omar"), provider("tess"), provider("uma")];
pub const EVERYONE: [Who; 8] = [ADMIN, ROBOT, CASEY, DANA, PAT, QUINN, RILEY, SAM];
/// Whose role changes, and whose tokens are revoked. They send nothing: their tokens would become void.
const FICKLE: [&str; 3] = ["fickle-1", "fickle-2", "fickle-3"];

const fn provider(user: &'static str) -> Who {
    Who { user, ..PAT }
}

/// What somebody does next: who sends which mutation with which input. Now and then the wrong one sends it, or it is what was
/// sent before.
pub fn plan(random: &mut Random, world: &mut World) -> (Who, &'static str, Value) {
    if random.one_in(6) && !world.deeds.is_empty() {
        let deed = random.pick(&world.deeds);
        return (deed.who, deed.mutation, deed.input.clone());
    }
    let mutation = draw(random);
    let (who, input) = (mutation.plan)(random, world);
    let who = if random.one_in(14) { *random.pick(&EVERYONE) } else { who };
    (Who { tenant: world.tenant, ..who }, mutation.name, input)
}

fn draw(random: &mut Random) -> &'static Mutation {
    let mut point = random.below(MUTATIONS.iter().map(|mutation| mutation.weight).sum());
    let drawn = MUTATIONS.iter().find(|mutation| {
        let hit = point < mutation.weight;
        point = point.saturating_sub(mutation.weight);
        hit
    });
    drawn.expect("a point below the sum")
}

/// Whether the refund of this claim gives its place back: always asked for in the same way, so that it is known afterwards.
pub fn reopens(claim: &str) -> bool {
    !claim.ends_with(['0', '1', '2', '3', '4'])
}

fn claim_lead(random: &mut Random, world: &mut World) -> (Who, Value) {
    let lead = world.wanted_lead(random);
    let most = if random.one_in(10) { 0 } else { 1_000 };
    (*random.pick(&PROVIDERS), json!({ "leadId": lead, "maxPrice": most }))
}

fn refund_claim(random: &mut Random, world: &mut World) -> (Who, Value) {
    let claim = world.claim(random).id;
    let reopen_slot = reopens(claim.as_str().expect("an id"));
    let amount = if random.one_in(3) { json!(random.below(3)) } else { Value::Null };
    let input = json!({ "id": claim, "amount": amount, "reason": "not as described", "reopenSlot": reopen_slot });
    (*random.pick(&[ADMIN, ROBOT]), input)
}

fn update_claim(random: &mut Random, world: &mut World) -> (Who, Value) {
    let claim = world.claim(random);
    (claim.provider, json!({ "id": claim.id, "outcome": random.pick(&["CONTACTED", "WON", "LOST"]) }))
}

fn create_lead(random: &mut Random, world: &mut World) -> (Who, Value) {
    let who = *random.pick(&[CASEY, CASEY, DANA, ADMIN, ROBOT]);
    let (number, reference) = (world.next(), world.reference(random, "lead"));
    // A contact that was used before makes it look like a duplicate, which waits for review.
    let contact = if random.one_in(5) { random.below(number) } else { number };
    let mut input = json!({
        "reference": reference, "title": format!("Lead {number}"), "description": "Two rooms, old wiring",
        "category": "Electrical", "location": { "country": "ZA" },
        "contact": { "name": "Casey", "email": format!("contact-{contact}@example.com") },
    });
    if random.one_in(4) {
        input["expiresAt"] = world.expiry(random);
    }
    if random.one_in(3) {
        input["attributes"] = json!({ "rooms": random.below(9) });
    }
    if who.role != Role::Customer {
        input["customerId"] = json!(random.pick(&["casey", "casey", "dana", FICKLE[0]]));
        input["maxClaims"] = json!(1 + random.below(4));
        if random.one_in(12) {
            input["isTest"] = json!(true);
        } else {
            input["price"] = json!(random.below(4));
        }
    }
    (who, input)
}

fn verify_lead(random: &mut Random, world: &mut World) -> (Who, Value) {
    let lead = world.waiting_lead(random);
    (*random.pick(&[ADMIN, ROBOT]), json!({ "id": lead }))
}

fn reject_lead(random: &mut Random, world: &mut World) -> (Who, Value) {
    let lead = world.waiting_lead(random);
    (*random.pick(&[ADMIN, ROBOT]), json!({ "id": lead, "reason": "not for us" }))
}

fn withdraw_lead(random: &mut Random, world: &mut World) -> (Who, Value) {
    let lead = if random.one_in(2) { world.any_lead(random) } else { world.wanted_lead(random) };
    let who = *random.pick(&[CASEY, ADMIN, ROBOT]);
    let refund = who.role != Role::Customer && !random.one_in(3);
    (who, json!({ "id": lead, "reason": "done by a friend", "refundClaims": refund }))
}

fn update_lead(random: &mut Random, world: &mut World) -> (Who, Value) {
    let lead = if random.one_in(4) { world.any_lead(random) } else { world.wanted_lead(random) };
    let who = *random.pick(&[CASEY, DANA, ADMIN, ADMIN, ROBOT]);
    let operator = who.role != Role::Customer;
    let number = world.next();
    let mut input = match random.below(if operator { 6 } else { 3 }) {
        0 => json!({ "title": format!("Title {number}") }),
        1 => json!({ "attributes": { "rooms": number }, "budget": number }),
        2 => json!({ "contact": { "name": "Casey", "email": format!("contact-{number}@example.com") } }),
        3 => json!({ "price": random.below(4), "title": format!("Title {number}") }),
        4 => json!({ "maxClaims": 1 + random.below(5) }),
        _ => json!({ "expiresAt": world.expiry(random) }),
    };
    if random.one_in(4) {
        input["expectedVersion"] = json!(world.version(&lead));
    }
    input["id"] = lead;
    (who, input)
}

fn owner(random: &mut Random, world: &mut World) -> String {
    match random.below(10) {
        0 => format!("newcomer-{}", world.next()),
        1 => (*random.pick(&FICKLE)).to_owned(),
        2 => "casey".to_owned(),
        _ => random.pick(&PROVIDERS).user.to_owned(),
    }
}

fn top_up_wallet(random: &mut Random, world: &mut World) -> (Who, Value) {
    let (owner, reference) = (owner(random, world), world.reference(random, "movement"));
    let input = json!({ "ownerId": owner, "amount": 1 + random.below(9), "reference": reference,
        "granted": random.one_in(4) });
    (*random.pick(&[ADMIN, ROBOT]), input)
}

fn adjust_wallet(random: &mut Random, world: &mut World) -> (Who, Value) {
    let (owner, reference) = (owner(random, world), world.reference(random, "movement"));
    let change = *random.pick(&[-1_000, -9, -5, -3, -1, 1, 2, 7]);
    (ADMIN, json!({ "ownerId": owner, "change": change, "reference": reference, "reason": "as agreed" }))
}

fn upsert_user(random: &mut Random, world: &mut World) -> (Who, Value) {
    let who = *random.pick(&[ADMIN, ROBOT]);
    let name = format!("Name {}", world.next());
    let input = match random.below(5) {
        0 => json!({ "id": "pat", "role": "PROVIDER", "name": name }),
        // Who may be one of many that make it at once.
        1 => json!({ "id": format!("newcomer-{}", world.next()), "role": "PROVIDER", "name": name }),
        2 => json!({ "id": "chief", "role": "ADMIN", "name": name }),
        _ => {
            let role = random.pick(&["CUSTOMER", "PROVIDER"]);
            json!({ "id": random.pick(&FICKLE), "role": role, "name": name, "email": format!("{}@example.com", world.next()) })
        }
    };
    (who, input)
}

fn update_provider_profile(random: &mut Random, world: &mut World) -> (Who, Value) {
    const CATEGORIES: [&[&str]; 4] = [&["Electrical"], &["Electrical", "Plumbing"], &["Plumbing"], &[]];
    let categories = random.pick(&CATEGORIES);
    let mut input = match random.below(4) {
        0 => json!({ "categories": categories }),
        1 => json!({ "acceptingLeads": random.one_in(2), "categories": categories }),
        2 => json!({ "minBudget": world.next(), "minScore": random.below(100) }),
        _ => json!({ "minScore": random.below(100) }),
    };
    if random.one_in(2) {
        return (*random.pick(&PROVIDERS), input);
    }
    // Mostly one of the two whom many speak for at once; now and then one that is not there, or is something else.
    input["providerId"] = match random.below(8) {
        0 => json!("nobody"),
        1 => json!(random.pick(&FICKLE)),
        2 => json!("casey"),
        _ => json!(random.pick(&PROVIDERS).user),
    };
    (*random.pick(&[ADMIN, ROBOT]), input)
}

/// One thing at a time, so that it is known afterwards whose word stands. Mostly of the same users and topics.
fn update_preferences(random: &mut Random, _: &mut World) -> (Who, Value) {
    let who = if random.one_in(3) { *random.pick(&EVERYONE) } else { *random.pick(&[PAT, CASEY]) };
    let input = match random.below(4) {
        0 => json!({ "sound": random.one_in(2) }),
        1 => {
            let hours = json!({ "start": format!("2{}:30", random.below(4)), "end": "07:00", "timeZone": "Europe/Berlin",
                "exceptPriorities": ["HIGH"] });
            json!({ "quietHours": if random.one_in(3) { Value::Null } else { hours } })
        }
        _ => {
            let topic = random.pick(&[None, Some("order.status"), Some("booking.created")]);
            let frequency = random.pick(&["INSTANT", "HOURLY", "DAILY", "OFF"]);
            json!({ "rules": [{ "type": "CUSTOM", "topic": topic, "channel": "EMAIL", "frequency": frequency }] })
        }
    };
    (who, input)
}

/// Nothing goes out of a storm: there is none to be found.
fn retry_delivery(random: &mut Random, world: &mut World) -> (Who, Value) {
    (*random.pick(&[ADMIN, ROBOT]), json!({ "id": world.any_lead(random) }))
}

fn revoke_tokens(random: &mut Random, _: &mut World) -> (Who, Value) {
    let user = if random.one_in(6) { "nobody" } else { random.pick(&FICKLE) };
    (ADMIN, json!({ "userId": user }))
}

fn rotate_webhook_secret(_: &mut Random, _: &mut World) -> (Who, Value) {
    (ADMIN, json!({}))
}

fn update_tenant_settings(random: &mut Random, _: &mut World) -> (Who, Value) {
    let input = match random.below(3) {
        0 => json!({ "autoVerifyLeads": random.one_in(2) }),
        1 => json!({ "defaultLeadPrice": random.below(5) }),
        _ => json!({ "defaultMaxClaims": 1 + random.below(4) }),
    };
    (ADMIN, input)
}
