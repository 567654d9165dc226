//! What is counted of a client's work on a node, user by user and tenant by tenant: places, turns, and the memory of results. How much of
//! each a client may have is for `admission` to say.

mod running;
mod seats;

pub use running::{Held, PIECE, Running};
pub use seats::{Seat, Seats, Work};
