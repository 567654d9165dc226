//! What it costs to score one lead for ten thousand providers: `cargo bench --bench matching`. Prints figures and judges nothing.

#![allow(clippy::unwrap_used, reason = "a bench that fails says where")]

#[path = "support/lead.rs"]
mod support;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use leadcast::{
    leads::Lead,
    matching::{ProviderProfile, Scorable, ServiceArea, points, score},
    money::Amount,
};
use serde_json::{Value, json};

const PROVIDERS: usize = 10_000;
const ROUNDS: usize = 11;

fn main() {
    // `cargo test --benches` wants to know that it runs; `cargo bench` passes this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("one lead, {PROVIDERS} providers, best and median of {ROUNDS} rounds");
    let (plain, usual) =
        (lead("Electrical", "Cape Town", &json!({ "rooms": 3, "kind": "flat" })), providers(usual_profile));
    let scorable = Scorable::from(&plain);
    measure("usual profiles, with reasons", &usual, |profile| score(&scorable, profile).is_some());
    measure("usual profiles, points alone", &usual, |profile| points(&scorable, profile).is_some());
    let (plain, largest) =
        (lead("Electrical", "Cape Town", &large_attributes("SIZE")), providers(largest_plain_profile));
    let scorable = Scorable::from(&plain);
    measure("the largest profiles there may be, in ASCII", &largest, |profile| score(&scorable, profile).is_some());
    let (strange, largest) = (lead("Élagage", "Zürich", &large_attributes("Größe")), providers(largest_profile));
    let scorable = Scorable::from(&strange);
    measure("the largest profiles there may be, not in ASCII", &largest, |profile| score(&scorable, profile).is_some());
}

fn measure(what: &str, profiles: &[ProviderProfile], matches: impl Fn(&ProviderProfile) -> bool) {
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            black_box(profiles.iter().filter(|profile| matches(black_box(profile))).count());
            began.elapsed()
        })
        .collect();
    rounds.sort_unstable();
    let matched = profiles.iter().filter(|profile| matches(profile)).count();
    println!("{what}: {:.2?}, {:.2?} ({matched} match)", rounds[0], rounds[ROUNDS / 2]);
}

fn providers(make: impl Fn(usize, &mut ProviderProfile)) -> Vec<ProviderProfile> {
    let profile = |n| {
        let mut profile = ProviderProfile::default_of(format!("provider-{n}").into());
        make(n, &mut profile);
        profile
    };
    (0..PROVIDERS).map(profile).collect()
}

/// All of them want the lead's category, as all do whom the worker asks.
fn usual_profile(n: usize, profile: &mut ProviderProfile) {
    profile.categories = ["Plumbing", "Roofing", "electrical"].map(str::to_owned).into();
    profile.service_areas =
        ["Paarl", "Stellenbosch", "cape town"].map(|city| area("ZA", Some("Western Cape"), city)).into();
    profile.min_budget = Some(Amount(i64::try_from(n).unwrap()));
    profile.attributes = Some(json!({ "rooms": [2, 3, 4], "kind": "flat" }));
}

fn largest_profile(n: usize, profile: &mut ProviderProfile) {
    profile.categories = (0..49).map(|k| format!("Élagage {k}")).chain(["ÉLAGAGE".to_owned()]).collect();
    profile.service_areas = (0..49).map(|k| area("ZA", Some("Zürich"), &format!("Zürich {k} {n}"))).collect();
    profile.attributes = Some(large_attributes("größe"));
}

fn largest_plain_profile(n: usize, profile: &mut ProviderProfile) {
    profile.categories = (0..49).map(|k| format!("Category {k}")).chain(["electrical".to_owned()]).collect();
    profile.service_areas = (0..50).map(|k| area("ZA", Some("Western Cape"), &format!("Place {k} {n}"))).collect();
    profile.attributes = Some(large_attributes("size"));
}

/// Twenty keys with twenty values each; a lead has the last of them.
fn large_attributes(word: &str) -> Value {
    let values = |key: usize| (0..20).map(move |k| format!("{word} {key} {k}")).collect::<Vec<_>>();
    (0..20).map(|key| (format!("key {key}"), json!(values(key)))).collect::<serde_json::Map<_, _>>().into()
}

fn area(country: &str, region: Option<&str>, city: &str) -> ServiceArea {
    ServiceArea { country: country.to_owned(), region: region.map(str::to_owned), city: Some(city.to_owned()) }
}

fn lead(category: &str, city: &str, attributes: &Value) -> Lead {
    // The last value of each list is what the lead has.
    let last = |value: &Value| value.as_array().and_then(|list| list.last()).unwrap_or(value).clone();
    let attributes = attributes.as_object().unwrap().iter().map(|(key, value)| (key.clone(), last(value)));
    support::lead(category, city, &Value::Object(attributes.collect()), Amount(5_000))
}
