//! When something is tried again, and when it is given up.

use std::time::Duration;

use super::{DeliveryStatus, text::in_one_line};

/// Between one attempt and the next: eight attempts in a day and a little more, each delay up to a fifth longer by chance.
const DELAYS: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(8),
    Duration::from_hours(10),
];

/// How often something is tried.
pub const MAX_ATTEMPTS: i32 = 8;

/// The longest that a receiver may ask us to wait.
const LONGEST: Duration = Duration::from_hours(24);

/// Characters of `last_error`.
const MAX_ERROR_CHARS: usize = 300;

/// What became of an attempt to send something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The other side has taken it.
    Sent,
    /// It may go well another time: not before the receiver's own wish.
    Failed { why: String, not_before: Option<Duration> },
    /// It will not go well, however often it is tried.
    Dead { why: String },
}

impl Outcome {
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), not_before: None }
    }

    pub fn dead(why: impl Into<String>) -> Self {
        Self::Dead { why: why.into() }
    }
}

/// What is written down of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Next {
    pub status: DeliveryStatus,
    pub last_error: Option<String>,
    /// How long to wait; `None`: for ever.
    pub wait: Option<Duration>,
}

/// After this attempt, the first being 1. `chance`: from 0 to 1.
pub fn next(outcome: Outcome, attempt: i32, chance: f64) -> Next {
    match outcome {
        Outcome::Sent => Next { status: DeliveryStatus::Sent, last_error: None, wait: None },
        Outcome::Dead { why } => Next { status: DeliveryStatus::Dead, last_error: Some(short(&why)), wait: None },
        Outcome::Failed { why, not_before } => {
            let last = usize::try_from(attempt).ok().and_then(|attempt| DELAYS.get(attempt.saturating_sub(1)));
            let Some(delay) = last else {
                return Next { status: DeliveryStatus::Dead, last_error: Some(short(&why)), wait: None };
            };
            let delay = delay.mul_f64(1.0 + 0.2 * chance.clamp(0.0, 1.0));
            let wait = not_before.map_or(delay, |wish| delay.max(wish.min(LONGEST)));
            Next { status: DeliveryStatus::Retrying, last_error: Some(short(&why)), wait: Some(wait) }
        }
    }
}

/// In one line, and not too long a one.
pub fn short(text: &str) -> String {
    let line = in_one_line(text);
    match line.char_indices().nth(MAX_ERROR_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(attempt: i32, chance: f64) -> Next {
        next(Outcome::failed("away"), attempt, chance)
    }

    #[test]
    fn eight_attempts_take_a_day_and_a_little_more() {
        let waits: Vec<_> = (1..=7).filter_map(|attempt| failed(attempt, 0.0).wait).collect();
        assert_eq!(waits, DELAYS);
        let all: Duration = waits.iter().sum();
        assert!(all > Duration::from_hours(24) && all < Duration::from_hours(27), "{all:?}");
        let last = failed(8, 0.0);
        assert_eq!((last.status, last.wait), (DeliveryStatus::Dead, None));
        assert_eq!(last.last_error.as_deref(), Some("away"));
    }

    #[test]
    fn chance_makes_a_delay_longer_by_a_fifth_at_most() {
        assert_eq!(failed(2, 0.5).wait, Some(Duration::from_secs(330)));
        assert_eq!(failed(2, 1.0).wait, Some(Duration::from_mins(6)));
        assert_eq!(failed(2, 7.0).wait, Some(Duration::from_mins(6)));
    }

    #[test]
    fn a_receivers_wish_is_heard_within_bounds() {
        let wish = |seconds| {
            let not_before = Some(Duration::from_secs(seconds));
            next(Outcome::Failed { why: "busy".into(), not_before }, 1, 0.0).wait
        };
        assert_eq!(wish(0), Some(Duration::from_secs(5)));
        assert_eq!(wish(90), Some(Duration::from_secs(90)));
        assert_eq!(wish(10_000_000), Some(LONGEST));
    }

    #[test]
    fn what_was_sent_or_is_hopeless_is_not_tried_again() {
        assert_eq!(next(Outcome::Sent, 3, 0.0), Next { status: DeliveryStatus::Sent, last_error: None, wait: None });
        let dead = next(Outcome::dead("gone"), 1, 0.0);
        assert_eq!((dead.status, dead.wait, dead.last_error.as_deref()), (DeliveryStatus::Dead, None, Some("gone")));
    }

    #[test]
    fn an_error_is_one_short_line() {
        assert_eq!(short(" a\r\n\tb\0c "), "a b c");
        assert_eq!(short(&"ä".repeat(400)), format!("{}…", "ä".repeat(300)));
    }
}
