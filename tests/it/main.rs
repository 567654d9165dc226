//! The tests, in one binary: they link once, and share one PostgreSQL.

#![allow(clippy::needless_pass_by_value, reason = "helpers take what `json!` makes")]

mod backup;
mod bad_input;
mod browser;
mod cli;
mod clients;
mod cluster;
mod contract;
mod cursors;
mod delivery;
mod epochs;
mod faults;
mod hardening;
mod http;
mod hurt;
mod isolation;
mod ledger;
mod limits;
mod lists;
mod lookups;
mod matching;
mod nodes;
mod notifications;
mod nulls;
mod operators;
mod order;
mod permissions;
mod preferences;
mod privacy;
mod races;
mod resume;
mod row_level_security;
mod smoke;
mod sse;
mod states;
mod storm;
mod support;
mod tidy;
mod tokens;
mod users;
mod watermark;
mod websocket;
