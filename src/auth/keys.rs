//! Keys, each bound to its one algorithm. A token's header says which key it means and never how it is checked.

use std::sync::Arc;

use jsonwebtoken::{DecodingKey, crypto};

/// The algorithms that are known here, by their names in JOSE.
#[derive(strum::EnumString, strum::IntoStaticStr, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Algorithm {
    HS256,
    RS256,
    ES256,
    #[strum(serialize = "EdDSA")]
    EdDsa,
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::HS256 => Self::HS256,
            Algorithm::RS256 => Self::RS256,
            Algorithm::ES256 => Self::ES256,
            Algorithm::EdDsa => Self::EdDSA,
        }
    }
}

/// A key that checks signatures in one way.
pub struct Key {
    /// Its name in its set.
    pub kid: Option<String>,
    pub algorithm: Algorithm,
    check: DecodingKey,
}

impl Key {
    /// `check` is of the algorithm's family: jsonwebtoken refuses to use it otherwise.
    pub fn new(kid: Option<String>, algorithm: Algorithm, check: DecodingKey) -> Self {
        Self { kid, algorithm, check }
    }

    /// Whether `signature`, in base64, is this key's of `message`.
    pub fn has_signed(&self, message: &str, signature: &str) -> bool {
        crypto::verify(signature, message.as_bytes(), &self.check, self.algorithm.into()).unwrap_or(false)
    }
}

/// The keys of one source. No two have one name.
#[derive(Default)]
pub struct KeySet(Vec<Arc<Key>>);

impl KeySet {
    pub fn new(keys: Vec<Key>) -> Result<Self, String> {
        let kids: Vec<_> = keys.iter().filter_map(|key| key.kid.as_deref()).collect();
        if let Some(twice) = kids.iter().find(|kid| kids.iter().filter(|other| other == kid).count() > 1) {
            return Err(format!("two keys have the kid {twice:?}"));
        }
        Ok(Self(keys.into_iter().map(Arc::new).collect()))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn named(&self, kid: &str) -> Option<&Arc<Key>> {
        self.0.iter().find(|key| key.kid.as_deref() == Some(kid))
    }

    pub fn of(&self, algorithm: Algorithm) -> impl Iterator<Item = &Arc<Key>> {
        self.0.iter().filter(move |key| key.algorithm == algorithm)
    }
}

/// What a search for a token's key comes to.
pub enum Found {
    Key(Arc<Key>),
    /// There may be such a key in a younger version of the set.
    Unknown,
    /// There is none, or more than one.
    Never,
}

/// The key that a header means. With a `kid` it is the set's key of that name, which must be of that algorithm; the secret, which has
/// no name, stands in for a name that the set does not have. Without, it is the only key of the algorithm.
pub fn find(secret: Option<&Arc<Key>>, set: Option<&KeySet>, algorithm: Algorithm, kid: Option<&str>) -> Found {
    let secret = secret.filter(|secret| secret.algorithm == algorithm);
    let Some(kid) = kid else {
        let mut all = set.into_iter().flat_map(|set| set.of(algorithm)).chain(secret);
        return match (all.next(), all.next()) {
            (Some(only), None) => Found::Key(only.clone()),
            (None, _) => Found::Unknown,
            (Some(_), Some(_)) => Found::Never,
        };
    };
    match (set.and_then(|set| set.named(kid)), secret) {
        (Some(named), _) if named.algorithm == algorithm => Found::Key(named.clone()),
        (Some(_), _) => Found::Never,
        (None, Some(secret)) => Found::Key(secret.clone()),
        (None, None) => Found::Unknown,
    }
}
