//! What the client's `Accept` says: which of the two media types of GraphQL over HTTP an answer has, and whether it may stream, or be a page.

use axum::http::{HeaderMap, header};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MediaType {
    /// `application/graphql-response+json`: the status says whether the request was executed.
    GraphqlResponse,
    /// `application/json`: the older one, for which a request that cannot be executed is still a 200.
    Json,
}

impl MediaType {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }

    fn subtype(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "graphql-response+json",
            Self::Json => "json",
        }
    }
}

/// What a client accepts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Accepted {
    /// What it likes best; `None` when it accepts neither. Without a header, and for `*/*`, JSON. Where it names both with the same
    /// weight, the newer one.
    pub media: Option<MediaType>,
    /// Whether it takes server-sent events, and says so by name.
    pub events: bool,
    /// Whether it is a browser that opens a page.
    pub html: bool,
}

impl Accepted {
    pub(super) fn by(headers: &HeaderMap) -> Self {
        if !headers.contains_key(header::ACCEPT) {
            return Self { media: Some(MediaType::Json), events: false, html: false };
        }
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges: Vec<Range<'_>> = values.flat_map(|value| value.split(',')).filter_map(Range::parse).collect();
        Self { media: preferred(&ranges), events: ranges.iter().any(Range::is_events), html: prefers_html(&ranges) }
    }
}

fn preferred(ranges: &[Range<'_>]) -> Option<MediaType> {
    // The last of equals wins, so the order is that of preference from the least on.
    [MediaType::Json, MediaType::GraphqlResponse]
        .into_iter()
        .filter_map(|media| {
            let best = ranges.iter().filter(|range| range.covers(media)).max_by_key(|range| range.precision())?;
            // What is named is preferred to what merely falls under a wildcard of the same weight; of those, JSON.
            let named = best.precision() == 2;
            let rank = u8::from(named) + u8::from(named || media == MediaType::Json);
            (best.weight > 0).then_some((best.weight, rank, media))
        })
        .max_by_key(|(weight, rank, _)| (*weight, *rank))
        .map(|(_, _, media)| media)
}

/// Whether the client is a browser that opens a page: it names HTML, and likes it better than what the API answers.
fn prefers_html(ranges: &[Range<'_>]) -> bool {
    let is_html =
        |range: &&Range<'_>| range.kind.eq_ignore_ascii_case("text") && range.subtype.eq_ignore_ascii_case("html");
    let Some(html) = ranges.iter().filter(is_html).map(|range| range.weight).max() else { return false };
    let json = [MediaType::Json, MediaType::GraphqlResponse].into_iter().filter_map(|media| {
        let best = ranges.iter().filter(|range| range.covers(media)).max_by_key(|range| range.precision())?;
        Some((best.weight, best.precision()))
    });
    // What is named goes before what falls under a wildcard of the same weight.
    html > 0 && !ranges.iter().any(Range::is_events) && json.max().is_none_or(|json| (html, 1) >= json)
}

/// Whether the client can decompress brotli.
pub(super) fn takes_brotli(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, parameter) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = parameter.trim().strip_prefix("q=").and_then(parse_weight);
        name.trim().eq_ignore_ascii_case("br") && weight.is_some_and(|weight| weight > 0)
    })
}

/// One range of an `Accept` header.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// `q` in thousandths.
    weight: u16,
}

impl<'a> Range<'a> {
    /// `None` for what is no media range, and for one in another charset than UTF-8.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut weight = 1000;
        for parameter in parts {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => weight = parse_weight(value)?,
                "charset" if !is_utf8(value) => return None,
                _ => {}
            }
        }
        Some(Self { kind, subtype, weight })
    }

    fn covers(&self, media: MediaType) -> bool {
        match self.precision() {
            2 => self.kind.eq_ignore_ascii_case("application") && self.subtype.eq_ignore_ascii_case(media.subtype()),
            1 => self.kind.eq_ignore_ascii_case("application"),
            _ => true,
        }
    }

    fn is_events(&self) -> bool {
        let named = self.kind.eq_ignore_ascii_case("text") && self.subtype.eq_ignore_ascii_case("event-stream");
        named && self.weight > 0
    }

    fn precision(&self) -> u8 {
        match (self.kind, self.subtype) {
            ("*", "*") => 0,
            (_, "*") => 1,
            _ => 2,
        }
    }
}

/// `0`, `0.5`, `1.000`.
fn parse_weight(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{fraction:0<3}").parse::<u16>().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

pub(super) fn is_utf8(charset: &str) -> bool {
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn preferences() {
        use MediaType::{GraphqlResponse, Json};
        for (accept, expected) in [
            ("*/*", Some(Json)),
            ("application/*", Some(Json)),
            ("application/json", Some(Json)),
            ("APPLICATION/JSON; charset=UTF-8", Some(Json)),
            ("application/json; charset=\"utf-8\"", Some(Json)),
            ("application/json; charset=latin1", None),
            ("application/graphql-response+json", Some(GraphqlResponse)),
            (
                "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
                Some(GraphqlResponse),
            ),
            ("application/json, application/graphql-response+json", Some(GraphqlResponse)),
            ("application/json, application/graphql-response+json;q=0.9", Some(Json)),
            ("application/graphql-response+json;q=0.1, application/json;q=0", Some(GraphqlResponse)),
            ("application/json, text/plain, */*", Some(Json)),
            ("application/graphql-response+json, */*", Some(GraphqlResponse)),
            ("application/graphql-response+json;q=0.5, */*", Some(Json)),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Some(Json)),
            ("*/*;q=0.5, application/json;q=0", Some(GraphqlResponse)),
            ("text/html", None),
            ("text/event-stream", None),
            ("application/json;q=0", None),
            ("application/json;q=2", None),
            ("application/json;q=0.1234", None),
            ("", None),
            ("nonsense", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(Accepted::by(&headers).media, expected, "{accept}");
        }
        assert_eq!(Accepted::by(&HeaderMap::new()), Accepted { media: Some(Json), events: false, html: false });
        for (accept, expected) in [
            ("text/event-stream", true),
            ("application/json, Text/Event-Stream; q=0.1", true),
            ("text/event-stream;q=0", false),
            ("text/*, */*", false),
            ("application/json", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(Accepted::by(&headers).events, expected, "{accept}");
        }
        let mut several = HeaderMap::new();
        several.append(header::ACCEPT, HeaderValue::from_static("text/html"));
        several.append(header::ACCEPT, HeaderValue::from_static("application/graphql-response+json"));
        assert_eq!(Accepted::by(&several).media, Some(GraphqlResponse));
    }

    #[test]
    fn browsers() {
        for (accept, expected) in [
            // Chromium and Firefox; Safari; the Internet Explorer of old.
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", true),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("text/html, application/xhtml+xml, */*", true),
            ("TEXT/html;q=0.9, application/json;q=0.8", true),
            ("text/html", true),
            ("*/*", false),
            ("text/*, */*;q=0.1", false),
            ("application/json", false),
            ("application/graphql-response+json, application/json;q=0.9", false),
            ("application/json, text/html", false),
            ("application/json, text/html;q=0.9, */*;q=0.1", false),
            ("text/event-stream, text/html", false),
            ("text/html;q=0", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(Accepted::by(&headers).html, expected, "{accept}");
        }
        for (coding, expected) in [
            ("gzip, deflate, br, zstd", true),
            ("BR;q=0.5", true),
            ("gzip, deflate", false),
            ("br;q=0", false),
            ("*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(coding));
            assert_eq!(takes_brotli(&headers), expected, "{coding}");
        }
    }
}
