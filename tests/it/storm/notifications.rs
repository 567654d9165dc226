//! What a storm does to notifications: a few users, each in several tabs, reach for the same ones by their ids and by filters.

use serde_json::{Value, json};

use super::{mutations::EVERYONE, world::World};
use crate::support::{
    api::{ADMIN, CASEY, PAT, QUINN, ROBOT, Who},
    random::Random,
};

/// To one, to some, to a role, to all; now and then to somebody who has not been seen yet.
pub fn create(random: &mut Random, world: &mut World) -> (Who, Value) {
    let reference = world.reference(random, "news");
    let to = match random.below(5) {
        0 => json!({ "everyone": true }),
        1 => json!({ "role": random.pick(&["PROVIDER", "ADMIN"]) }),
        2 => json!({ "userIds": ["pat", "casey", "quinn"] }),
        3 => json!({ "userIds": [random.pick(&EVERYONE).user] }),
        _ => json!({ "userIds": ["pat"] }),
    };
    let topic = random.pick(&[None, Some("order.status"), Some("booking.created")]);
    let mut input = json!({ "to": to, "title": format!("News {}", world.next()), "message": "Look at this",
        "priority": random.pick(&["LOW", "NORMAL", "HIGH"]), "reference": reference });
    if let Some(topic) = topic {
        input["type"] = json!("CUSTOM");
        input["topic"] = json!(topic);
    }
    if random.one_in(3) {
        input["leadId"] = world.any_lead(random);
    }
    (*random.pick(&[ADMIN, ROBOT]), input)
}

pub fn change(random: &mut Random, world: &mut World) -> (Who, Value) {
    (who(random), json!({ "select": select(random, world) }))
}

/// Until at once, or until tomorrow.
pub fn snooze(random: &mut Random, world: &mut World) -> (Who, Value) {
    (who(random), json!({ "select": select(random, world), "until": world.expiry(random) }))
}

pub fn open(random: &mut Random, world: &mut World) -> (Who, Value) {
    (who(random), json!({ "id": world.note(random) }))
}

pub fn edit(random: &mut Random, world: &mut World) -> (Who, Value) {
    let select = if random.one_in(4) { json!({ "filter": filter(random) }) } else { by_ids(random, world) };
    let patch = json!({ "title": format!("Title {}", world.next()), "priority": random.pick(&["LOW", "HIGH"]) });
    (*random.pick(&[ADMIN, ROBOT]), json!({ "select": select, "patch": patch }))
}

/// Mostly the two who are told most.
fn who(random: &mut Random) -> Who {
    if random.one_in(3) { *random.pick(&EVERYONE) } else { *random.pick(&[PAT, CASEY, QUINN]) }
}

fn select(random: &mut Random, world: &World) -> Value {
    if random.one_in(2) { json!({ "filter": filter(random) }) } else { by_ids(random, world) }
}

/// Whoever they are of: those of others are ignored.
fn by_ids(random: &mut Random, world: &World) -> Value {
    let ids: Vec<_> = (0..=random.below(6)).map(|_| world.note(random)).collect();
    json!({ "ids": ids })
}

fn filter(random: &mut Random) -> Value {
    match random.below(6) {
        0 => json!({}),
        1 => json!({ "view": "ALL", "types": ["CUSTOM"] }),
        2 => json!({ "view": "SNOOZED" }),
        3 => json!({ "view": "ARCHIVED" }),
        4 => json!({ "topics": ["order.status"], "view": "ALL" }),
        _ => json!({ "unread": true }),
    }
}
