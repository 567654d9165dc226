//! The limits: of documents, of clients, and of time and size.

use std::{num::NonZero, str::FromStr, time::Duration};

use clap::Args;

/// What a document may ask for. All of it is known before anything is executed.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits of documents")]
pub struct DocumentLimits {
    /// Bytes of the text
    #[arg(long = "max-bytes", env = "LEADCAST_MAX_BYTES", global = true, value_parser = counted::<usize>, default_value_t = 65_536)]
    pub bytes: usize,
    /// Words, signs and blanks of the text
    #[arg(long = "max-tokens", env = "LEADCAST_MAX_TOKENS", global = true, value_parser = counted::<usize>, default_value_t = 10_000)]
    pub tokens: usize,
    /// How many fields may stand in one another
    #[arg(long = "max-depth", env = "LEADCAST_MAX_DEPTH", global = true, value_parser = counted::<usize>, default_value_t = 20)]
    pub depth: usize,
    /// Fields of an operation's root
    #[arg(long = "max-root-fields", env = "LEADCAST_MAX_ROOT_FIELDS", global = true, value_parser = counted::<usize>, default_value_t = 30)]
    pub root_fields: usize,
    /// Aliases
    #[arg(long = "max-aliases", env = "LEADCAST_MAX_ALIASES", global = true, value_parser = counted::<usize>, default_value_t = 100)]
    pub aliases: usize,
    /// Directives
    #[arg(long = "max-directives", env = "LEADCAST_MAX_DIRECTIVES", global = true, value_parser = counted::<usize>, default_value_t = 100)]
    pub directives: usize,
    /// What an operation may cost: a point for each field, times the rows of its lists
    #[arg(long = "max-cost", env = "LEADCAST_MAX_COST", global = true, value_parser = counted::<u64>, default_value_t = 50_000)]
    pub cost: u64,
}

/// What clients may take of a node. Each node counts for itself.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits of clients, on each node")]
pub struct ClientLimits {
    /// Connections at once; more wait to be taken
    #[arg(long = "max-connections", env = "LEADCAST_MAX_CONNECTIONS", global = true, value_parser = from_one::<NonZero<usize>>, default_value = "20000")]
    pub connections: NonZero<usize>,
    /// Sockets, and streams of server-sent events, that one user has open at once
    #[arg(long = "max-sockets-per-user", env = "LEADCAST_MAX_SOCKETS_PER_USER", global = true, value_parser = counted::<usize>, default_value_t = 50)]
    pub sockets_per_user: usize,
    /// Sockets, and streams of server-sent events, that the users of one tenant have open at once
    #[arg(
        long = "max-sockets-per-tenant",
        env = "LEADCAST_MAX_SOCKETS_PER_TENANT",
        global = true,
        value_parser = counted::<usize>,
        default_value_t = 10_000
    )]
    pub sockets_per_tenant: usize,
    /// Operations that run at once for one user, streams too; one more is refused
    #[arg(
        long = "max-operations-per-user",
        env = "LEADCAST_MAX_OPERATIONS_PER_USER",
        global = true,
        value_parser = counted::<usize>,
        default_value_t = 500
    )]
    pub operations_per_user: usize,
    /// Operations that run at once for the users of one tenant; one more is refused
    #[arg(
        long = "max-operations-per-tenant",
        env = "LEADCAST_MAX_OPERATIONS_PER_TENANT",
        global = true,
        value_parser = counted::<usize>,
        default_value_t = 50_000
    )]
    pub operations_per_tenant: usize,
    /// How many operations of one user are executed at once, and how many streams make something of an event; the others wait for their turn
    #[arg(
        long = "concurrency-per-user",
        env = "LEADCAST_CONCURRENCY_PER_USER",
        global = true,
        value_parser = counted::<usize>,
        default_value_t = 4
    )]
    pub concurrency_per_user: usize,
    /// How many operations of one tenant are executed at once, and how many streams make something of an event
    #[arg(
        long = "concurrency-per-tenant",
        env = "LEADCAST_CONCURRENCY_PER_TENANT",
        global = true,
        value_parser = counted::<usize>,
        default_value_t = 32
    )]
    pub concurrency_per_tenant: usize,
    /// What the operations of one user may cost in a minute, in the points of --max-cost; at least --max-cost
    #[arg(long = "rate-per-user", env = "LEADCAST_RATE_PER_USER", global = true, value_parser = from_one::<NonZero<u32>>, default_value = "1000000")]
    pub rate_per_user: NonZero<u32>,
    /// What the operations of all users of one tenant may cost in a minute; at least --rate-per-user
    #[arg(long = "rate-per-tenant", env = "LEADCAST_RATE_PER_TENANT", global = true, value_parser = from_one::<NonZero<u32>>, default_value = "10000000")]
    pub rate_per_tenant: NonZero<u32>,
}

impl ClientLimits {
    /// A rate below what a single operation may cost would refuse it for ever.
    pub(super) fn check(&self, documents: &DocumentLimits) -> Result<(), String> {
        if u64::from(self.rate_per_user.get()) < documents.cost {
            return Err(format!(
                "LEADCAST_RATE_PER_USER is {} and LEADCAST_MAX_COST is {}: a user must be able to spend in a minute what one \
                 operation may cost",
                self.rate_per_user, documents.cost
            ));
        }
        if self.rate_per_tenant < self.rate_per_user {
            return Err(format!(
                "LEADCAST_RATE_PER_TENANT is {} and LEADCAST_RATE_PER_USER is {}: a tenant must be able to spend what one of its \
                 users may",
                self.rate_per_tenant, self.rate_per_user
            ));
        }
        Ok(())
    }
}

/// What is allowed to take how long, and to be how large. Not for operators, who would have to know all of it to change any: tests make
/// them smaller.
#[derive(Clone, Debug)]
pub struct Limits {
    /// For the head of a request to arrive, or the next one on a connection that stays open.
    pub head_time: Duration,
    /// The body of a request over HTTP.
    pub body_bytes: usize,
    /// For that body to arrive.
    pub body_time: Duration,
    /// For an operation over HTTP to be executed.
    pub request_time: Duration,
    /// A message from a client over WebSocket.
    pub message_bytes: usize,
    /// One result.
    pub result_bytes: usize,
    /// The results of one user that are being made or have not been read yet.
    pub results_per_user: usize,
    /// The results of all users of one tenant.
    pub results_per_tenant: usize,
    /// For a client to take an answer over HTTP.
    pub answer_time: Duration,
    /// From the upgrade to `connection_init`.
    pub init_time: Duration,
    /// Between the server's pings. A client that is silent for two of them is gone.
    pub ping_interval: Duration,
    /// For a client to take one message.
    pub write_time: Duration,
    pub operations_per_socket: usize,
    /// For sockets and requests to end when the server shuts down.
    pub drain_time: Duration,
    /// Between two sockets that are sent away, on average.
    pub drain_pace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Longer than proxies keep an idle connection, so that none is closed while its next request is on the way.
            head_time: Duration::from_secs(75),
            body_bytes: 1 << 20,
            body_time: Duration::from_secs(10),
            request_time: Duration::from_secs(30),
            message_bytes: 64 << 10,
            result_bytes: 4 << 20,
            results_per_user: 64 << 20,
            results_per_tenant: 512 << 20,
            answer_time: Duration::from_mins(1),
            init_time: Duration::from_secs(3),
            ping_interval: Duration::from_secs(15),
            write_time: Duration::from_secs(10),
            operations_per_socket: 100,
            drain_time: Duration::from_secs(20),
            drain_pace: Duration::from_millis(5),
        }
    }
}

const FROM_ONE: &str = "must be a whole number, at least 1";

/// Of nothing at all nobody would have any use.
fn counted<T: FromStr + Default + PartialEq>(text: &str) -> Result<T, String> {
    text.parse().ok().filter(|count| *count != T::default()).ok_or_else(|| FROM_ONE.to_owned())
}

fn from_one<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| FROM_ONE.to_owned())
}
