//! The cells of DOMAIN.md that cannot be tried yet, each by what of the schema it waits for. When that is in the schema, its
//! cell belongs into the tables beside this one, and it is struck here.

use std::collections::BTreeSet;

use crate::contract::{parts, types};

struct Pending {
    /// The row of "Who sees and does what", or the sentence.
    cell: &'static str,
    waits_for: &'static [&'static str],
}

const fn pending(cell: &'static str, waits_for: &'static [&'static str]) -> Pending {
    Pending { cell, waits_for }
}

#[rustfmt::skip]
const PENDING: &[Pending] = &[
    // Who sees and does what.
    pending("revokeTokens: ADMIN", &["Mutation.revokeTokens"]),
    // Lead states.
];

#[test]
fn what_was_waited_for_is_not_there_yet() {
    let schema: BTreeSet<String> = types().iter().flat_map(parts).map(|(name, _)| name).collect();
    for Pending { cell, waits_for } in PENDING {
        assert!(!waits_for.is_empty(), "`{cell}` waits for nothing: write it into a table");
        for coordinate in *waits_for {
            assert!(
                !schema.contains(*coordinate),
                "{coordinate} is in the schema: write `{cell}` into a table, and strike it"
            );
            // A slip of the pen would wait for ever.
            let parent = coordinate.rsplit_once(['.', '(']).expect("a coordinate").0;
            assert!(schema.contains(parent), "{coordinate}: there is no {parent}");
        }
    }
}
