//! Where webhooks may go: nowhere that only this machine or its network can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// Characters of a webhook's URL.
pub const MAX_URL_CHARS: usize = 2_000;

/// The URL, when webhooks may go there. `dev`: dev mode, where plain HTTP and this machine are fine. The complaint is for whoever set
/// it. (A name says nothing yet: what it leads to is looked at when a connection is made.)
pub fn check_url(text: &str, dev: bool) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "This is not a URL such as https://example.com/leadcast.")?;
    // As it is kept and called, with what is not ASCII percent-encoded.
    if url.as_str().len() > MAX_URL_CHARS {
        return Err("This must have at most 2,000 characters.");
    }
    if url.port() == Some(0) {
        return Err("There is no port 0.");
    }
    match url.scheme() {
        "https" => {}
        "http" if dev => {}
        "http" => return Err("This must be an https URL: what is sent there is not for everybody to read."),
        _ => return Err("This must be an https URL."),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("This must have no user name and no password in it: webhooks are signed.");
    }
    if url.fragment().is_some() {
        return Err("This must have no #fragment.");
    }
    match literal(&url) {
        Some(ip) if !dev && !is_public(ip) => Err("This address is not on the public internet."),
        _ => Ok(url),
    }
}

/// The address, where the URL has one in place of a name. (The parser writes 127.1, 0x7f000001 and the like in the usual way.)
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.parse().ok()
}

/// Whether an address is one of the public internet. What is neither known to be nor known not to be is not.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = match a {
        // "This network", private, loopback, multicast and what is reserved (with the broadcast).
        0 | 10 | 127 | 224.. => true,
        // Carriers' NAT.
        100 => (64..128).contains(&b),
        // Link-local: on many clouds, the machine's own secrets.
        169 => b == 254,
        172 => (16..32).contains(&b),
        // Protocol assignments, documentation, the relays of 6to4, AMT and AS112, private.
        192 => matches!((b, c), (0, 0 | 2) | (31, 196) | (52, 193) | (88, 99) | (168, _) | (175, 48)),
        // Benchmarks, documentation.
        198 => matches!((b, c), (18 | 19, _) | (51, 100)),
        203 => (b, c) == (0, 113),
        _ => false,
    };
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // NAT64: what stands behind it counts. Mapped and compatible addresses are outside of 2000::/3, and so is all else.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        // Teredo and the rest of the protocol assignments, documentation, 6to4.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x2002, ..] => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        let not = "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254 \
            172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 \
            203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::10.0.0.1 \
            64:ff9b::10.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::1 \
            2002:808:808::1 3fff::1 3fff:fff::1 fc00::1 fd12:3456::1 fe80::1 fec0::1 ff02::1 5f00::1 4000::1";
        let are = "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 169.253.0.1 \
            172.15.0.1 172.32.0.1 192.0.1.1 192.167.0.1 192.169.0.1 198.17.0.1 198.20.0.1 203.0.112.1 223.255.255.255 \
            64:ff9b::8.8.8.8 2001:200::1 2001:4860:4860::8888 2606:4700::1111 2a00:1450::1 3fff:1000::1";
        for (list, expected) in [(not, false), (are, true)] {
            for text in list.split_whitespace() {
                assert_eq!(is_public(text.parse().expect(text)), expected, "{text}");
            }
        }
    }

    #[test]
    fn urls_are_https_and_lead_outside() {
        let long = format!("https://example.com/{}", "x".repeat(MAX_URL_CHARS));
        for bad in [
            "",
            "x",
            "example.com/hook",
            "ftp://example.com",
            "file:///etc/passwd",
            "http://example.com/hook",
            "https://",
            &long,
            "https://user@example.com",
            "https://user:word@example.com",
            "https://:word@example.com",
            "https://example.com/#x",
            "https://127.0.0.1",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:7f00:1]:8443/",
            "https://10.1.2.3",
            "https://169.254.169.254/latest",
            "https://0/",
        ] {
            assert!(check_url(bad, false).is_err(), "{bad}");
        }
        for good in [
            "https://example.com",
            "https://example.com:8443/hook?tenant=7",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/",
        ] {
            assert!(check_url(good, false).is_ok(), "{good}");
        }
        for fine_in_dev in ["http://127.0.0.1:3000/hook", "http://localhost/", "https://[::1]/"] {
            assert!(check_url(fine_in_dev, true).is_ok(), "{fine_in_dev}");
        }
        for never in ["ftp://127.0.0.1", "http://user:word@localhost/"] {
            assert!(check_url(never, true).is_err(), "{never}");
        }
    }
}
