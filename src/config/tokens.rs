//! Whose tokens are taken, and where in them things are found.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use reqwest::Url;

use super::is_loopback;

#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Tokens of an identity provider")]
pub struct TokenSettings {
    /// The public keys of an identity provider, as a JWKS: a file, or its URL (https; http on this machine) [default: none]
    #[arg(long, env = "LEADCAST_JWKS", global = true, value_parser = jwks)]
    pub jwks: Option<JwksAt>,
    /// Where tokens have the tenant's slug: a claim, members of claims with dots between (app.tenant), or a JSON Pointer (/app/tenant)
    #[arg(long, env = "LEADCAST_CLAIM_TENANT", global = true, default_value = "tenant", value_parser = claim)]
    pub claim_tenant: String,
    /// Where tokens have the user's role; of a list, the one entry that is a role
    #[arg(long, env = "LEADCAST_CLAIM_ROLE", global = true, default_value = "role", value_parser = claim)]
    pub claim_role: String,
    /// Where tokens have the user's name
    #[arg(long, env = "LEADCAST_CLAIM_NAME", global = true, default_value = "name", value_parser = claim)]
    pub claim_name: String,
    /// Where tokens have the user's e-mail address
    #[arg(long, env = "LEADCAST_CLAIM_EMAIL", global = true, default_value = "email", value_parser = claim)]
    pub claim_email: String,
    /// How far ahead the issuer's clock may be, up to 10m: for `iat` and `nbf`; `exp` is exact
    #[arg(long, env = "LEADCAST_CLOCK_SKEW", global = true, default_value = "60s", value_parser = skew)]
    pub clock_skew: Duration,
    #[arg(skip)]
    pub jwks_pace: JwksPace,
}

/// Where a JWKS is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JwksAt {
    File(PathBuf),
    Url(Url),
}

/// How often a JWKS is read. Not for operators: tests make it shorter.
#[derive(Clone, Copy, Debug)]
pub struct JwksPace {
    /// A file: to notice that it has changed.
    pub file: Duration,
    /// A URL.
    pub url: Duration,
    /// Between two reads at least, whoever asks: tokens with unknown keys must not make the server a nuisance.
    pub rest: Duration,
    /// For one fetch.
    pub fetch: Duration,
    /// For a request to wait for the keys to be read again.
    pub patience: Duration,
}

impl Default for JwksPace {
    fn default() -> Self {
        Self {
            file: Duration::from_secs(10),
            url: Duration::from_mins(10),
            rest: Duration::from_secs(10),
            fetch: Duration::from_secs(5),
            patience: Duration::from_secs(3),
        }
    }
}

const MAX_SKEW: Duration = Duration::from_mins(10);

fn jwks(text: &str) -> Result<JwksAt, String> {
    const WRONG: &str = "must be a file, or an https:// URL without a password; http:// on a loopback address only";
    if text.is_empty() {
        return Err(WRONG.to_owned());
    }
    if !text.contains("://") {
        return Ok(JwksAt::File(text.into()));
    }
    let url = Url::parse(text).map_err(|_| WRONG)?;
    let open = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if open && may_be_fetched(&url) { Ok(JwksAt::Url(url)) } else { Err(WRONG.to_owned()) }
}

/// Whether nobody on the way can put other keys in: https, or this machine.
pub fn may_be_fetched(url: &Url) -> bool {
    let loopback = |host: &str| host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(is_loopback);
    url.scheme() == "https" || url.scheme() == "http" && url.host_str().is_some_and(loopback)
}

fn claim(text: &str) -> Result<String, String> {
    let pointer = text.starts_with('/');
    let well_formed =
        !text.is_empty() && (!pointer || text.split('~').skip(1).all(|escaped| escaped.starts_with(['0', '1'])));
    if well_formed {
        return Ok(text.to_owned());
    }
    Err("must be a claim's name, names with dots between, or a JSON Pointer such as /app/tenant".to_owned())
}

/// None is a skew, too.
fn skew(text: &str) -> Result<Duration, String> {
    let skew = if text == "0s" { Some(Duration::ZERO) } else { super::duration(text).ok() };
    skew.filter(|skew| *skew <= MAX_SKEW).ok_or_else(|| "must be a duration from 0s to 10m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_a_file_or_by_a_way_that_nobody_else_can_write_to() {
        for file in ["keys.json", "/etc/leadcast/jwks.json", "C:keys"] {
            assert_eq!(jwks(file), Ok(JwksAt::File(file.into())));
        }
        for url in [
            "https://id.example.com/.well-known/jwks.json",
            "https://id.example.com/certs?client=a",
            "http://127.0.0.1:8080/jwks",
            "http://[::1]/jwks",
            "http://localhost:1/",
        ] {
            assert!(matches!(jwks(url), Ok(JwksAt::Url(_))), "{url}");
        }
        for wrong in [
            "",
            "http://id.example.com/jwks",
            "http://127.0.0.1.example.com/",
            "http://10.0.0.1/",
            "ftp://localhost/",
            "file:///etc/keys",
            "https://user:password@id.example.com/",
            "https://",
            "https://id.example.com/#keys",
        ] {
            assert!(jwks(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_skew_is_short() {
        for (text, expected) in [("0s", Some(0)), ("60s", Some(60)), ("10m", Some(600)), ("11m", None), ("-1s", None)] {
            assert_eq!(skew(text).ok().map(|skew| skew.as_secs()), expected, "{text}");
        }
    }

    #[test]
    fn a_claim_has_a_name() {
        for right in ["tenant", "app_metadata.tenant", "https://example.com/tenant", "/a/b", "/https:~1~1x/t~0"] {
            assert_eq!(claim(right).as_deref(), Ok(right));
        }
        for wrong in ["", "/a~2", "/~"] {
            assert!(claim(wrong).is_err(), "{wrong}");
        }
    }
}
