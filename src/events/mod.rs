//! The event log and the streams that are read from it.
//!
//! Every fact is appended to the log in the transaction that makes it true (`log.rs`), with all that a client may be shown
//! of it. The log's order is the events' id: taken while the rows it speaks of are locked, so ids follow the commit order
//! of every lead and every wallet. Each node tails the log once, up to the watermark (`db::Watermark`), and hands the
//! records to its subscribers (`hub.rs`). A subscription first scans what it missed, then takes what comes (`feed.rs`);
//! when it falls behind it goes back to scanning, so that a slow client loses nothing while the log is kept.
//!
//! Nothing here knows what an event means: features make the payloads and decide who may see them.

mod cursor;
mod feed;
mod hub;
pub mod log;
mod position;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod record;
mod retention;

pub use crate::db::{Epoch, Place};
pub use cursor::Cursor;
pub use feed::{Delivery, Feed, Step};
pub use hub::{Hub, Stats};
pub use log::append;
pub use position::Positions;
pub use record::{Kind, MAX_PAYLOAD, NewEvent, Record, Scope};
pub use retention::retain;
