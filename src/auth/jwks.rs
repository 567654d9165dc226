//! Where a JWKS comes from, and when it is read again: now and then, and when a token names a key that is not known.
//!
//! One task reads, so however many ask there is one read at a time, with a rest after each. What cannot be read changes nothing: the
//! keys that are known stay good until there are others.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, StatusCode, Url, redirect::Policy};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};

use super::{
    jwk,
    keys::{Algorithm, KeySet},
};
use crate::{
    clock::{Clock, Timestamp},
    config::{JwksAt, JwksPace, may_be_fetched},
    error::in_one_line,
    metrics::KeyMetrics,
    trouble::Trouble,
};

const MAX_BYTES: usize = 256 << 10;
const MAX_REDIRECTS: usize = 3;
/// How often it is looked whether a read is due: the clock may be moved.
const LOOK: Duration = Duration::from_secs(1);

/// Cheap to clone.
#[derive(Clone)]
pub struct Jwks(Arc<Source>);

struct Source {
    at: JwksAt,
    pace: JwksPace,
    clock: Clock,
    http: Client,
    metrics: KeyMetrics,
    /// `None` before the first read that went well.
    keys: RwLock<Option<Arc<KeySet>>>,
    /// The text that they are of.
    seen: Mutex<Vec<u8>>,
    /// When the last read began, and whether it went well.
    last: Mutex<(Timestamp, bool)>,
    reading: AtomicBool,
    wanted: Notify,
    /// Counts the reads.
    reads: watch::Sender<u64>,
    trouble: Mutex<Trouble>,
}

/// What came of reading it.
#[derive(PartialEq)]
enum Read {
    Same,
    Changed,
}

impl Jwks {
    /// Reads it for the first time. A file must be there and good; a URL may be away: until it answers its tokens cannot be checked.
    pub async fn open(at: &JwksAt, pace: JwksPace, clock: &Clock, metrics: KeyMetrics) -> Result<Self, String> {
        let what = match at {
            JwksAt::File(path) => format!("reading the keys in {} (LEADCAST_JWKS)", path.display()),
            JwksAt::Url(url) => format!("reading the keys at {url} (LEADCAST_JWKS)"),
        };
        let jwks = Self(Arc::new(Source {
            at: at.clone(),
            pace,
            clock: clock.clone(),
            http: client(pace.fetch).map_err(|error| in_one_line(&error))?,
            metrics,
            keys: RwLock::default(),
            seen: Mutex::default(),
            last: Mutex::new((clock.now(), false)),
            reading: AtomicBool::default(),
            wanted: Notify::new(),
            reads: watch::Sender::default(),
            trouble: Mutex::new(Trouble::with(what)),
        }));
        match (jwks.read().await, at) {
            (Err(why), JwksAt::File(_)) => Err(why),
            _ => Ok(jwks),
        }
    }

    pub fn keys(&self) -> Option<Arc<KeySet>> {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a set that comes from there can have such a key at all.
    pub fn may_have(&self, algorithm: Algorithm) -> bool {
        algorithm != Algorithm::HS256 || matches!(self.0.at, JwksAt::File(_))
    }

    /// A token names a key that is not known: reads again, unless that was done just now. Waits for it, though not long.
    pub async fn look_again(&self) {
        let mut reads = self.0.reads.subscribe();
        if self.0.is_rested() {
            self.0.wanted.notify_one();
        } else if !self.0.reading.load(Ordering::Acquire) {
            return;
        }
        let _too_slow = timeout(self.0.pace.patience, reads.changed()).await;
    }

    /// Keeps the keys young for as long as it is polled. `changed`: when they are others, which some may then be missing in.
    pub async fn keep(&self, changed: impl Fn()) {
        loop {
            let asked = tokio::select! {
                () = self.0.wanted.notified() => true,
                () = sleep(LOOK) => false,
            };
            // What fails is told by the trouble.
            if (self.0.is_due() || asked && self.0.is_rested()) && self.read().await == Ok(Read::Changed) {
                changed();
            }
        }
    }

    async fn read(&self) -> Result<Read, String> {
        let source = &self.0;
        *source.last.lock().unwrap_or_else(PoisonError::into_inner) = (source.clock.now(), false);
        source.reading.store(true, Ordering::Release);
        let read = match source.text().await {
            Ok(text) => jwk::parse(&text, matches!(source.at, JwksAt::Url(_))).map(|keys| (keys, text)),
            Err(why) => Err(why),
        };
        source.metrics.read(read.as_ref().ok().map(|(keys, _)| keys.len()));
        let mut trouble = source.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = match read {
            Ok((keys, text)) => {
                trouble.went_well();
                *source.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(keys.into());
                source.last.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
                let mut seen = source.seen.lock().unwrap_or_else(PoisonError::into_inner);
                let read = if *seen == text { Read::Same } else { Read::Changed };
                *seen = text;
                Ok(read)
            }
            Err(why) => {
                trouble.failed(&why);
                Err(why)
            }
        };
        source.reading.store(false, Ordering::Release);
        source.reads.send_modify(|reads| *reads += 1);
        outcome
    }
}

impl Source {
    fn since_last(&self) -> (Duration, bool) {
        let (began, went_well) = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        (self.clock.now().since(began), went_well)
    }

    fn is_rested(&self) -> bool {
        self.since_last().0 >= self.pace.rest
    }

    fn is_due(&self) -> bool {
        let between = match (self.since_last(), &self.at) {
            ((_, false), _) => self.pace.rest,
            ((_, true), JwksAt::File(_)) => self.pace.file,
            ((_, true), JwksAt::Url(_)) => self.pace.url,
        };
        self.since_last().0 >= between
    }

    async fn text(&self) -> Result<Vec<u8>, String> {
        match &self.at {
            JwksAt::Url(url) => fetch(&self.http, url).await,
            JwksAt::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || read_file(&path)).await;
                read.map_err(|_| "the file could not be read".to_owned())?
            }
        }
    }
}

/// A file of keys, as it must be at the start.
pub fn check_file(path: &Path) -> Result<(), String> {
    jwk::parse(&read_file(path)?, false).map(drop)
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let mut text = Vec::new();
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX) + 1;
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(most).read_to_end(&mut text).map_err(|error| error.to_string())?;
    if text.len() > MAX_BYTES { Err(too_large()) } else { Ok(text) }
}

/// Follows redirects only where keys may come from at all.
fn client(patience: Duration) -> reqwest::Result<Client> {
    let redirects = Policy::custom(|attempt| {
        if attempt.previous().len() > MAX_REDIRECTS {
            attempt.error("too many redirects")
        } else if !may_be_fetched(attempt.url())
            || attempt.previous().first().is_none_or(|first| first.scheme() != attempt.url().scheme())
        {
            attempt.error("it redirects to another scheme, or to where keys cannot come from")
        } else {
            attempt.follow()
        }
    });
    Client::builder()
        .no_proxy()
        .redirect(redirects)
        .connect_timeout(patience)
        .timeout(patience)
        .user_agent(concat!("leadcast/", env!("CARGO_PKG_VERSION")))
        .build()
}

async fn fetch(http: &Client, url: &Url) -> Result<Vec<u8>, String> {
    let broken = |error: reqwest::Error| in_one_line(&error.without_url());
    let mut response = http.get(url.clone()).header("accept", "application/json").send().await.map_err(broken)?;
    if response.status() != StatusCode::OK {
        return Err(format!("the answer is {}", response.status()));
    }
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if text.len() + chunk.len() > MAX_BYTES {
            return Err(too_large());
        }
        text.extend_from_slice(&chunk);
    }
    Ok(text)
}

fn too_large() -> String {
    format!("there are more than {MAX_BYTES} bytes")
}
