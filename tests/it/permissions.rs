//! Who sees what and who may do what, as in DOMAIN.md: every root field of the schema, for every role, on what is its own and
//! what is another's. A root that is not in these tables fails the first test.

mod done;
mod seen;
mod streams;

use std::collections::BTreeSet;

use crate::{
    contract::root_fields,
    support::api::{ADMIN, CASEY, DANA, PAT, QUINN, RIVAL, ROBOT, Who},
};

/// Those who ask. Casey posted the lead and Pat claimed it; Quinn and Dana have nothing to do with it, and Rival is the
/// administrator of another tenant.
const VIEWERS: [Who; 7] = [PAT, QUINN, CASEY, DANA, ROBOT, ADMIN, RIVAL];

#[test]
fn every_root_field_is_in_a_table() {
    let mut known: BTreeSet<String> = BTreeSet::new();
    known.extend(seen::SEEN.iter().map(|row| format!("Query.{}", row.root)));
    known.extend(done::DONE.iter().map(|row| format!("Mutation.{}", row.root)));
    known.extend(streams::HEARD.iter().map(|row| format!("Subscription.{}", row.root)));
    let exported: BTreeSet<String> = root_fields().into_iter().collect();
    let missing: Vec<_> = exported.difference(&known).collect();
    assert!(missing.is_empty(), "who may see or do these? {missing:?}");
    let gone: Vec<_> = known.difference(&exported).collect();
    assert!(gone.is_empty(), "these are no more: {gone:?}");
}
