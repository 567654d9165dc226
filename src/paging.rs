//! Pages of long lists, by key and never by offset: a page begins after the last row of the one before, however many rows
//! have come or gone since.
//!
//! A list that a filter without an index narrows is *walked*: a page examines at most [`EXAMINED`] rows of the underlying
//! order and then ends short, possibly empty, saying how far it came, so that no page costs more than that.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

use crate::error::{Error, Fault, Result};

/// Rows a page has when nothing is said.
pub const DEFAULT_SIZE: i32 = 20;
/// Rows a page may have.
pub const MAX_SIZE: i32 = 100;
/// Rows of the underlying order that a page looks at. Also up to where a total is counted.
pub const EXAMINED: i64 = 10_000;

/// A place in one list in one order, as clients hold it: the list's name and the row's key, encoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageCursor(String);

impl PageCursor {
    pub fn new(list: &str, key: &impl Serialize) -> Result<Self> {
        let bytes = serde_json::to_vec(&(list, key)).map_err(Fault::internal)?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub fn from_client(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key, if this is a cursor of `list`.
    fn key<K: DeserializeOwned>(&self, list: &str) -> Result<K> {
        let decoded = BASE64_URL_SAFE_NO_PAD.decode(&self.0).ok();
        let decoded = decoded.and_then(|bytes| serde_json::from_slice::<(String, K)>(&bytes).ok());
        match decoded {
            Some((name, key)) if name == list => Ok(key),
            _ => Err(foreign_cursor()),
        }
    }
}

/// What is said of a cursor that no page of this list has had.
pub fn foreign_cursor() -> Error {
    let message = "This PageCursor does not belong to this list in this order: use one that the same query returned.";
    Fault::BadUserInput(message.to_owned()).into()
}

/// The paging arguments of a connection.
#[derive(Clone, Default, Debug)]
pub struct PageArgs {
    pub first: Option<i32>,
    pub after: Option<PageCursor>,
    pub last: Option<i32>,
    pub before: Option<PageCursor>,
}

impl PageArgs {
    pub fn forward(first: i32, after: Option<PageCursor>) -> Self {
        Self { first: Some(first), after, ..Self::default() }
    }

    /// What is asked of the list called `list`, whose rows are placed by a `K`. `count`: whether the total is wanted.
    pub fn request<K: DeserializeOwned>(self, list: &str, count: bool) -> Result<PageRequest<K>> {
        let bad = |text: &str| Err(Fault::BadUserInput(text.to_owned()).into());
        let backward = self.last.is_some() || (self.before.is_some() && self.first.is_none());
        if backward && (self.first.is_some() || self.after.is_some()) || !backward && self.before.is_some() {
            return bad("Use `first` with `after`, or `last` with `before`, not a mixture.");
        }
        let size = if backward { self.last } else { self.first }.unwrap_or(DEFAULT_SIZE);
        if !(0..=MAX_SIZE).contains(&size) {
            return bad(&format!("`first` and `last` are from 0 to {MAX_SIZE}; this is {size}."));
        }
        let from = if backward { self.before } else { self.after };
        Ok(PageRequest {
            size: usize::try_from(size).unwrap_or_default(),
            from: from.map(|cursor| cursor.key(list)).transpose()?,
            backward,
            count,
        })
    }
}

/// A page as a store is asked for it: `size` rows beyond `from`, in the list's order or, `backward`, against it.
#[derive(Clone, Debug)]
pub struct PageRequest<K> {
    pub size: usize,
    pub from: Option<K>,
    pub backward: bool,
    pub count: bool,
}

impl<K: Clone> PageRequest<K> {
    /// One row more than asked for tells whether there are more.
    pub fn limit(&self) -> i64 {
        i64::try_from(self.size).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// Makes the page from the rows that the store found (up to [`Self::limit`], in the direction of the request).
    /// `stopped_at`: where the walk ended, when it ended before the list did.
    pub fn page<T>(&self, mut rows: Vec<T>, stopped_at: Option<K>, total: Option<i64>) -> Page<T, K> {
        let full = rows.len() > self.size;
        rows.truncate(self.size);
        let stopped_at = stopped_at.filter(|_| !full);
        let more = full || stopped_at.is_some();
        let came_from_somewhere = self.from.is_some();
        if self.backward {
            rows.reverse();
            Page { rows, has_previous: more, has_next: came_from_somewhere, stopped_at, backward: true, total }
        } else {
            Page { rows, has_next: more, has_previous: came_from_somewhere, stopped_at, backward: false, total }
        }
    }
}

/// A page of `T`s, in the list's order whichever way it was walked.
#[derive(Clone, Debug)]
pub struct Page<T, K> {
    pub rows: Vec<T>,
    pub has_next: bool,
    pub has_previous: bool,
    /// Where the walk ended, if it ended before the list did and before the page was full.
    pub stopped_at: Option<K>,
    pub backward: bool,
    /// How many rows the whole list has, if it was asked for and could be counted within [`EXAMINED`] rows.
    pub total: Option<i64>,
}

/// What holds of every text that a client may send as a cursor of a page. The tests and `tests/fuzz` share it.
#[cfg(any(test, fuzzing))]
pub(crate) mod properties {
    use uuid::Uuid;

    use super::{PageArgs, PageCursor};

    const LIST: &str = "claims";

    /// As it is, and as what is written in a cursor. A place may have several texts (they are JSON inside); all of them are read alike.
    pub fn any_bytes(data: &[u8]) {
        let text = String::from_utf8_lossy(data).into_owned();
        let inside: serde_json::Value = serde_json::from_slice(data).unwrap_or_default();
        let written = PageCursor::new(LIST, &inside).expect("JSON can be written");
        for cursor in [PageCursor::from_client(text), written] {
            if let Some(key) = place(cursor) {
                let canonical = PageCursor::new(LIST, &key).expect("a key can be written");
                assert_eq!(place(canonical), Some(key));
            }
        }
    }

    fn place(cursor: PageCursor) -> Option<(i64, Uuid)> {
        let request = PageArgs::forward(1, Some(cursor)).request(LIST, false).ok()?;
        Some(request.from.expect("the cursor's key"))
    }

    #[cfg(test)]
    mod tests {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            #![proptest_config(ProptestConfig::with_cases(1_000))]

            #[test]
            fn any_input_is_survived(text in prop_oneof![".{0,60}", "[A-Za-z0-9_-]{0,60}", r#"\[-?[0-9]{0,20},"[0-9a-f-]{0,36}"\]"#]) {
                any_bytes(text.as_bytes());
            }

            #[test]
            fn what_is_written_is_read(at in any::<i64>(), id in any::<u128>()) {
                let key = (at, Uuid::from_u128(id));
                prop_assert_eq!(place(PageCursor::new(LIST, &key).expect("a key can be written")), Some(key));
                let other = PageCursor::new("entries", &key).expect("a key can be written");
                prop_assert_eq!(place(other), None);
            }
        }

        #[test]
        fn the_corpus() {
            crate::corpus::replay("cursor", any_bytes);
        }
    }
}
