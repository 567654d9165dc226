//! The tests, in one binary: they link once, and share one PostgreSQL.

#![allow(
    unreachable_pub,
    reason = "here `pub` says what a module offers to the tests; nothing is reachable from outside"
)]
#![allow(clippy::needless_pass_by_value, reason = "helpers take what `json!` makes")]

mod cluster;
mod smoke;
mod support;
mod tidy;
