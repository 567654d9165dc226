//! Where a browser's request comes from. A page of another site may open sockets to this server and, by DNS rebinding,
//! even read its answers as if they were the page's own; `Origin` and `Host` tell.

use axum::http::{HeaderMap, Uri, header};

/// Whether the request comes from the server's own pages, from an allowed origin, or from no browser at all.
pub(super) fn is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let origin = origin.to_ascii_lowercase();
    allowed.contains(&origin) || is_own(&origin, headers)
}

/// Whether the request is addressed to this machine by a name that only means this machine.
pub(super) fn is_addressed_to_loopback(headers: &HeaderMap) -> bool {
    let Some(host) = host(headers) else { return false };
    let Ok(uri) = host.parse::<Uri>() else { return false };
    let name = uri.host().unwrap_or_default();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// The scheme is left out: a proxy may have ended TLS, and then only the browser knows of it.
fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let (origin, port) = match origin.split_once("://") {
        Some(("https", rest)) => (rest, ":443"),
        Some(("http", rest)) => (rest, ":80"),
        _ => return false,
    };
    let without_default = |authority: &str| authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
    host(headers).is_some_and(|host| without_default(host) == without_default(origin))
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("a header"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().expect("a header"));
        }
        headers
    }

    #[test]
    fn own_allowed_and_foreign_origins() {
        let allowed = ["https://app.example.com".to_owned()];
        for (host, origin, expected) in [
            ("api.example.com", None, true),
            ("api.example.com", Some("https://api.example.com"), true),
            ("api.example.com:443", Some("https://api.example.com"), true),
            ("API.example.com", Some("https://api.example.com"), true),
            ("127.0.0.1:4000", Some("http://127.0.0.1:4000"), true),
            ("127.0.0.1:4000", Some("http://127.0.0.1:5173"), false),
            ("api.example.com", Some("https://app.example.com"), true),
            ("api.example.com", Some("http://app.example.com"), false),
            ("api.example.com", Some("https://evil.example"), false),
            ("api.example.com", Some("https://api.example.com.evil.example"), false),
            ("api.example.com", Some("null"), false),
            ("api.example.com", Some("file://"), false),
        ] {
            assert_eq!(is_allowed(&headers(host, origin), &allowed), expected, "{host} {origin:?}");
        }
    }

    #[test]
    fn loopback_hosts() {
        for host in ["localhost", "localhost:4000", "127.0.0.1:4000", "127.8.0.1", "[::1]:4000"] {
            assert!(is_addressed_to_loopback(&headers(host, None)), "{host}");
        }
        for host in ["evil.example", "evil.example:4000", "localhost.evil.example", "10.0.0.1", "0.0.0.0:4000", "[::]"]
        {
            assert!(!is_addressed_to_loopback(&headers(host, None)), "{host}");
        }
        assert!(!is_addressed_to_loopback(&HeaderMap::new()));
    }
}
