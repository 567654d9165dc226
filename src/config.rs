//! Settings: from the environment or as flags. This file alone reads the environment.

mod limits;
mod tokens;

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZero,
    path::PathBuf,
    time::Duration,
};

use clap::{
    Args, CommandFactory, Parser, Subcommand, ValueEnum,
    builder::NonEmptyStringValueParser,
    error::{ContextKind, ContextValue},
};
use lettre::{AsyncSmtpTransport, Tokio1Executor, message::Mailbox};
use reqwest::Url;

use crate::{
    db::{self, Target},
    users::Role,
};

pub use limits::{ClientLimits, DocumentLimits, Limits};
pub use tokens::{JwksAt, JwksPace, TokenSettings, may_be_fetched};

/// The live backend of a lead marketplace: a GraphQL API with subscriptions, in one binary.
#[derive(Parser, Debug)]
#[command(name = "leadcast", version, max_term_width = 120)]
pub struct Cli {
    #[command(flatten)]
    pub settings: Settings,
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// Reads the command line and the environment. Ends the process where that is all: help, the version, a mistake.
    pub fn read() -> Self {
        Self::try_parse().unwrap_or_else(|error| named(error).exit())
    }
}

/// Of a value that it refuses, clap names the flag, though it may have come from the environment: so the variable is named,
/// too. A value that may hold a secret is not repeated.
fn named(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return error };
    let mut command = Cli::command();
    command.build();
    let setting = command.get_arguments().find(|setting| setting.to_string() == *flag);
    if let Some((setting, variable)) = setting.and_then(|setting| Some((setting, setting.get_env()?.to_str()?))) {
        let both = format!("{flag} ({variable})");
        if setting.is_hide_env_values_set() {
            error.insert(ContextKind::InvalidValue, ContextValue::String("…".to_owned()));
        }
        error.insert(ContextKind::InvalidArg, ContextValue::String(both));
    }
    error
}

#[derive(Subcommand, Debug, Clone)]
pub enum Command {
    /// Serve the API (what `leadcast` alone does)
    Serve,
    /// Bring the database up to date and exit
    Migrate,
    /// Manage tenants
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Print a token signed with this server's key, and nothing else
    Token {
        /// The tenant's slug
        #[arg(long)]
        tenant: String,
        /// The user's id: the token's `sub`
        #[arg(long)]
        user: String,
        #[arg(long, ignore_case = true)]
        role: Role,
        /// How long the token is valid: 15m, 1h, 7d
        #[arg(long, default_value = "1h", value_parser = duration)]
        ttl: Duration,
    },
    /// Copy the embedded database to a file, also while a server serves it
    Backup {
        /// The file to write. It must not exist yet
        file: PathBuf,
    },
    /// Put a backup into the place of the embedded database, which is kept beside it
    Restore {
        /// What `leadcast backup` has written
        file: PathBuf,
    },
    /// Begin a new epoch of the event log, after a restore: old cursors get CURSOR_EXPIRED
    Epoch,
    /// Print the GraphQL schema, sorted
    Schema,
    /// Play the marketplace against a running server in dev mode and show who receives what, live
    Demo {
        /// The server's address
        #[arg(long, default_value = "http://127.0.0.1:4000")]
        url: String,
    },
}

#[derive(Subcommand, Debug, Clone)]
pub enum TenantCommand {
    /// Make a tenant
    Create {
        /// Its name in tokens: lower-case letters, digits and dashes
        slug: String,
        /// Its name for people
        #[arg(long)]
        name: String,
    },
}

/// Without what the library that checks certificates says for itself: a delivery's `lastError` says it.
const LOG: &str = "info,rustls_platform_verifier=off";
const POOL: NonZero<usize> = NonZero::new(db::CONNECTIONS).expect("not zero");

#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// Where to listen
    #[arg(long, env = "LEADCAST_LISTEN", global = true, default_value = "127.0.0.1:4000", value_parser = address)]
    pub listen: SocketAddr,
    /// sqlite://path or postgres://user@host/name [default: SQLite in the data folder]
    #[arg(long, env = "DATABASE_URL", global = true, hide_env_values = true, value_parser = Target::parse)]
    pub database_url: Option<Target>,
    /// How many connections to PostgreSQL the server's pool has at most; three more stand beside it
    #[arg(long, env = "LEADCAST_DATABASE_CONNECTIONS", global = true, default_value_t = POOL, value_parser = connections)]
    pub database_connections: NonZero<usize>,
    /// The folder for the embedded database and the dev key
    #[arg(long, env = "LEADCAST_DATA", global = true, default_value = "./data")]
    pub data: PathBuf,
    /// The HS256 key that tokens are signed with, at least 32 bytes. Without it or a JWKS: dev mode, on a loopback address only
    #[arg(long, env = "LEADCAST_JWT_SECRET", global = true, hide_env_values = true, value_parser = secret)]
    pub jwt_secret: Option<String>,
    /// The `iss` that tokens must have
    #[arg(long, env = "LEADCAST_JWT_ISSUER", global = true, default_value = "leadcast", value_parser = NonEmptyStringValueParser::new())]
    pub jwt_issuer: String,
    /// The `aud` that tokens must have
    #[arg(long, env = "LEADCAST_JWT_AUDIENCE", global = true, default_value = "leadcast", value_parser = NonEmptyStringValueParser::new())]
    pub jwt_audience: String,
    /// Web origins that may call the API from a browser, separated by commas; the server's own always may
    #[arg(long, env = "LEADCAST_ALLOWED_ORIGINS", global = true, value_delimiter = ',', value_parser = origin)]
    pub allowed_origins: Vec<String>,
    /// How long events are kept for clients that come back: 12h, 7d
    #[arg(long, env = "LEADCAST_EVENT_RETENTION", global = true, default_value = "7d", value_parser = duration)]
    pub event_retention: Duration,
    /// How long notifications are kept, read or not: 30d, 90d
    #[arg(long, env = "LEADCAST_NOTIFICATION_RETENTION", global = true, default_value = "90d", value_parser = retention)]
    pub notification_retention: Duration,
    /// The mail server: smtps://user:password@host, or smtp:// with ?tls=required for STARTTLS [default: none, no e-mail is sent]
    #[arg(long, env = "LEADCAST_SMTP_URL", global = true, hide_env_values = true, value_parser = mail_server)]
    pub smtp_url: Option<String>,
    /// Whom e-mails come from: leads@example.com, or Leads <leads@example.com>
    #[arg(long, env = "LEADCAST_MAIL_FROM", global = true, value_parser = mailbox)]
    pub mail_from: Option<Mailbox>,
    /// How long deliveries are kept that were sent or given up: 12h, 30d
    #[arg(long, env = "LEADCAST_DELIVERY_RETENTION", global = true, default_value = "30d", value_parser = duration)]
    pub delivery_retention: Duration,
    /// How logs are written
    #[arg(long, env = "LEADCAST_LOG_FORMAT", global = true, default_value = "text")]
    pub log_format: LogFormat,
    /// Which logs are written, in the syntax of tracing's EnvFilter: info, leadcast=debug
    #[arg(long, env = "LEADCAST_LOG", global = true, default_value = LOG, value_parser = log_filter)]
    pub log: String,
    /// A collector of traces that takes OTLP over HTTP, such as http://127.0.0.1:4318 [default: none, no traces]
    #[arg(long, env = "LEADCAST_OTLP_ENDPOINT", global = true, value_parser = collector)]
    pub otlp_endpoint: Option<String>,
    /// How long `/readyz` says 503 at a shutdown before anything is closed, for balancers that look now and then [default: not at all]
    #[arg(long, env = "LEADCAST_DRAIN_DELAY", global = true, value_parser = delay)]
    pub drain_delay: Option<Duration>,
    /// Whether clients may ask for the schema: on, off [default: on in dev mode, else off]
    #[arg(long, env = "LEADCAST_INTROSPECTION", global = true)]
    pub introspection: Option<Switch>,
    /// Whether a browser gets GraphiQL at /graphql: on, off [default: on in dev mode, else off]
    #[arg(long, env = "LEADCAST_PLAYGROUND", global = true)]
    pub playground: Option<Switch>,
    /// A folder with the only documents that are executed, *.graphql, one in each file [default: none, any document is]
    #[arg(long, env = "LEADCAST_TRUSTED_DOCUMENTS", global = true)]
    pub trusted_documents: Option<PathBuf>,
    #[command(flatten)]
    pub tokens: TokenSettings,
    #[command(flatten)]
    pub documents: DocumentLimits,
    #[command(flatten)]
    pub clients: ClientLimits,
    #[arg(skip)]
    pub limits: Limits,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Switch {
    On,
    Off,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

impl Settings {
    /// The settings of a command line that says nothing, with no environment: for tests.
    pub fn defaults() -> Self {
        #[derive(Parser)]
        struct Only {
            #[command(flatten)]
            settings: Settings,
        }
        let command = Only::command().mut_args(|arg| arg.env(None::<&str>));
        let matches = command.get_matches_from(["leadcast"]);
        <Settings as clap::FromArgMatches>::from_arg_matches(&matches).expect("the defaults are valid")
    }

    pub fn database(&self) -> Target {
        self.database_url.clone().unwrap_or_else(|| db::default_sqlite(&self.data))
    }

    /// Dev mode: nobody gave a key, so the server makes one and hands out tokens. On a loopback address only.
    pub fn dev_mode(&self) -> bool {
        self.jwt_secret.is_none() && self.tokens.jwks.is_none()
    }

    /// Whether clients may ask for the schema.
    pub fn introspection(&self) -> bool {
        self.introspection.map_or_else(|| self.dev_mode(), |switch| switch == Switch::On)
    }

    /// Whether a browser gets GraphiQL.
    pub fn playground(&self) -> bool {
        self.playground.map_or_else(|| self.dev_mode(), |switch| switch == Switch::On)
    }

    /// The mail server's URL and whom e-mails come from, if any are sent.
    pub fn smtp(&self) -> Option<(&str, Mailbox)> {
        self.smtp_url.as_deref().zip(self.mail_from.clone())
    }

    /// What the values cannot show one by one.
    pub fn check(&self) -> Result<(), String> {
        if self.dev_mode() && !is_loopback(self.listen.ip()) {
            return Err(format!(
                "LEADCAST_LISTEN is {}, which others can reach, and there is no key: set LEADCAST_JWT_SECRET to at \
                 least 32 random bytes (for example the output of `openssl rand -base64 32`) or LEADCAST_JWKS to your \
                 identity provider's keys, or listen on 127.0.0.1 for dev mode",
                self.listen
            ));
        }
        if self.smtp_url.is_some() != self.mail_from.is_some() {
            let (there, missing) = match self.smtp_url {
                Some(_) => ("LEADCAST_SMTP_URL", "LEADCAST_MAIL_FROM"),
                None => ("LEADCAST_MAIL_FROM", "LEADCAST_SMTP_URL"),
            };
            return Err(format!("{there} is set and {missing} is not: e-mails need both, or set neither to send none"));
        }
        self.clients.check(&self.documents)
    }
}

/// `LEADCAST_*` variables that mean nothing to this version: most likely misspelt.
pub fn unknown_variables() -> Vec<String> {
    let command = Cli::command();
    let known: Vec<_> = command.get_arguments().filter_map(|arg| arg.get_env()).collect();
    std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| !known.contains(&name.as_os_str()))
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.starts_with("LEADCAST_"))
        .collect()
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

fn secret(text: &str) -> Result<String, String> {
    // What everybody may know is no secret: it would make everybody an issuer.
    if text.trim_start().starts_with("-----BEGIN") {
        return Err("must be a secret, not a key in PEM: public keys go into LEADCAST_JWKS".to_owned());
    }
    if text.len() < 32 {
        return Err("must be at least 32 bytes long: try `openssl rand -base64 32`".to_owned());
    }
    Ok(text.to_owned())
}

/// To EnvFilter a word alone is a module all of whose logs are wanted: so a slip of the pen would silence everything else.
fn log_filter(text: &str) -> Result<String, String> {
    let directives = || text.split(',').map(str::trim);
    let understood = |directive: &str| {
        let levels = ["off", "error", "warn", "info", "debug", "trace"];
        directive.contains('=') || levels.contains(&directive.to_ascii_lowercase().as_str())
    };
    match directives().find(|directive| !understood(directive)) {
        None => Ok(text.to_owned()),
        Some(_) => Err("must be levels (error, warn, info, debug, trace, off), or modules with levels, such as info,leadcast=debug".to_owned()),
    }
}

/// Of notifications: longer than one may wait for its digest, quiet hours and retries, because what is gone is not sent.
fn retention(text: &str) -> Result<Duration, String> {
    let keep = duration(text)?;
    if keep < Duration::from_hours(3 * 24) {
        return Err(
            "must be at least 3d: what is deleted while it waits for its digest or a retry is not sent".to_owned()
        );
    }
    Ok(keep)
}

fn delay(text: &str) -> Result<Duration, String> {
    let delay = duration(text)?;
    if delay > Duration::from_mins(10) {
        return Err("must be at most 10m".to_owned());
    }
    Ok(delay)
}

/// What can be listened on.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an IP address and a port, such as 127.0.0.1:4000 or [::]:4000".to_owned())
}

/// How many connections.
fn connections(text: &str) -> Result<NonZero<usize>, String> {
    let count = text.parse().ok().and_then(NonZero::new).filter(|count| count.get() <= 10_000);
    count.ok_or_else(|| "must be a whole number from 1 to 10000".to_owned())
}

fn origin(text: &str) -> Result<String, String> {
    let origin = text.trim().to_ascii_lowercase();
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*']) => Ok(origin),
        _ => Err("must be a web origin without a path, such as https://app.example.com".to_owned()),
    }
}

/// An address without a path, which is the protocol's own.
fn collector(text: &str) -> Result<String, String> {
    let address = text.trim_end_matches('/');
    match address.strip_prefix("http://") {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => Ok(address.to_owned()),
        _ => {
            Err("must be http:// and a host, such as http://127.0.0.1:4318 (no TLS: run the collector beside)"
                .to_owned())
        }
    }
}

/// What can be said of a URL that may hold a password.
fn mail_server(text: &str) -> Result<String, String> {
    // lettre passes over what it does not know, and a misspelt `tls` would send passwords in the clear.
    let understood = |url: &Url| match (url.scheme(), url.query()) {
        (_, None) => true,
        (scheme, Some(query)) => (scheme, query) == ("smtp", "tls=required"),
    };
    let plain = Url::parse(text).ok().filter(|url| {
        understood(url) && matches!(url.path(), "" | "/") && url.fragment().is_none() && url.port() != Some(0)
    });
    match plain.and_then(|_| AsyncSmtpTransport::<Tokio1Executor>::from_url(text).ok()) {
        Some(_) => Ok(text.to_owned()),
        None => {
            Err("must be smtps://host, or smtp://host?tls=required for STARTTLS, or smtp://host without encryption; \
             with user:password@ before the host, each %-encoded, where the server asks for them"
                .to_owned())
        }
    }
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse()
        .map_err(|_| "must be an e-mail address, such as leads@example.com or Leads <leads@example.com>".to_owned())
}

/// 90s, 15m, 12h, 7d; a day is 24 hours.
pub fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<jiff::Span>()
        .and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()))
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "must be a duration above zero, such as 90s, 15m, 12h or 7d".to_owned())
}
