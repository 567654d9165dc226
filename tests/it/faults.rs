//! What goes wrong around a server: a client that goes away, work that panics or takes too long, a database that is stopped, cut
//! off, locked or full. Each time: a clear error, nothing half-done, no lock left behind, and no restart when the cause has gone.

mod late;
mod locks;
mod requests;
mod sessions;
mod silence;
mod transactions;
mod waiting;
