//! Matching: what providers want, who is found for a lead, and what lists and streams make of it. That scores are what the README
//! says is tested with the lists (`lists/scores.rs`) and, case by case, beside the rules (`src/matching/score.rs`).

mod candidates;
mod order;
mod profiles;
mod streams;
