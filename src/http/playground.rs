//! GraphiQL, for a browser at `/graphql`, and the files that it is made of. They are built by `playground/` and embedded in
//! brotli, so nothing of Node is needed here. The page asks nobody but the server that it came from.

use std::{io::Read, sync::OnceLock};

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use super::{
    Front,
    accept::{self, Accepted},
    not_found,
};

/// Path, ETag, content in brotli.
type Row = (&'static str, &'static str, &'static [u8]);

const ROWS: &[Row] = include!("../../playground/dist/files.rs");
const PAGE: &str = "graphql.html";

/// Everything comes from the own origin, sockets included. The editor writes styles of its own; nothing else may.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; \
     img-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Beside those that every answer has.
const GUARDS: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// The page, if that is what a GET of `/graphql` wants: a browser's that asks for no operation.
pub(super) fn page(front: &Front, headers: &HeaderMap, accepted: Accepted, uri: &Uri) -> Option<Response> {
    let names = uri.query().unwrap_or_default().split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    let asks = names.into_iter().any(|name| matches!(name, "query" | "extensions"));
    let wanted = front.app.settings.playground() && !asks && accepted.html;
    wanted.then(|| find(PAGE).map(|file| answer(&file, headers))).flatten()
}

/// A file that the page needs.
pub(super) async fn file(State(_): State<Front>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    match find(&format!("playground/{name}")) {
        Some(file) => answer(&file, &headers),
        None => not_found().await,
    }
}

struct File {
    path: &'static str,
    etag: &'static str,
    brotli: &'static [u8],
    plain: &'static OnceLock<Option<Bytes>>,
}

fn find(path: &str) -> Option<File> {
    // One that is asked for in the clear is kept so: a browser that speaks plain HTTP to another machine takes no brotli.
    static PLAIN: [OnceLock<Option<Bytes>>; ROWS.len()] = [const { OnceLock::new() }; ROWS.len()];
    let at = ROWS.iter().position(|row| row.0 == path)?;
    let (path, etag, brotli) = ROWS[at];
    Some(File { path, etag, brotli, plain: &PLAIN[at] })
}

impl File {
    fn content_type(&self) -> &'static str {
        match self.path.rsplit('.').next().unwrap_or_default() {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            "ttf" => "font/ttf",
            "txt" => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        }
    }

    /// Names with a hash in them stand for one content for ever.
    fn caching(&self) -> &'static str {
        if self.path.starts_with("playground/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
    }

    fn plain(&self) -> Option<Bytes> {
        let read = || {
            let mut plain = Vec::new();
            let mut decompressor = brotli_decompressor::Decompressor::new(self.brotli, 1 << 16);
            decompressor.read_to_end(&mut plain).ok()?;
            Some(plain.into())
        };
        self.plain.get_or_init(read).clone()
    }
}

fn answer(file: &File, headers: &HeaderMap) -> Response {
    let about = [
        (header::CACHE_CONTROL, file.caching()),
        (header::ETAG, file.etag),
        (header::VARY, if file.path == PAGE { "accept, accept-encoding" } else { "accept-encoding" }),
    ];
    if is_known(headers, file.etag) {
        return (StatusCode::NOT_MODIFIED, GUARDS, about).into_response();
    }
    let content_type = [(header::CONTENT_TYPE, file.content_type())];
    if accept::takes_brotli(headers) {
        let body = Bytes::from_static(file.brotli);
        return (GUARDS, about, content_type, [(header::CONTENT_ENCODING, "br")], body).into_response();
    }
    match file.plain() {
        Some(body) => (GUARDS, about, content_type, body).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Whether the browser has it already. The ETags are weak: they are of the content before compression.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| {
        let one = one.trim();
        one == "*" || one == etag
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was built is whole: every file can be read, and has a type.
    #[test]
    fn every_file_can_be_served() {
        assert!(find(PAGE).is_some());
        for (path, _, brotli) in ROWS {
            let file = find(path).expect("a row");
            assert_ne!(file.content_type(), "application/octet-stream", "{path}");
            assert!(file.plain().is_some_and(|plain| plain.len() >= brotli.len() / 2), "{path}");
        }
    }
}
