//! The tests, in one binary: they link once, and share one PostgreSQL.

#![allow(clippy::needless_pass_by_value, reason = "helpers take what `json!` makes")]

mod bad_input;
mod cluster;
mod contract;
mod ledger;
mod permissions;
mod smoke;
mod states;
mod support;
mod tidy;
mod users;
