//! What holds of every text that a client may send as a cursor. The tests and `tests/fuzz` share it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::Cursor;

/// As it is, and as the bytes of a cursor.
pub fn any_bytes(data: &[u8]) {
    any_text(&String::from_utf8_lossy(data));
    any_text(&BASE64_URL_SAFE_NO_PAD.encode(data));
}

/// A cursor has one text, and it is this one.
fn any_text(text: &str) {
    if let Some(cursor) = Cursor::parse(text) {
        assert_eq!(cursor.to_string(), text);
        assert!(cursor.id >= 0, "{cursor:?}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::ids::Id;

    fn any_cursor() -> impl Strategy<Value = Cursor> {
        let id = prop_oneof![0..=i64::MAX, Just(0), Just(i64::MAX)];
        (any::<u128>(), any::<u128>(), id).prop_map(|(epoch, tenant, id)| Cursor {
            epoch: Id::from_uuid(Uuid::from_u128(epoch)),
            tenant: Id::from_uuid(Uuid::from_u128(tenant)),
            id,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_input_is_survived(data in prop::collection::vec(any::<u8>(), 0..80)) {
            any_bytes(&data);
        }

        #[test]
        fn of_the_right_length_too(mut data in prop::collection::vec(any::<u8>(), 41), id in any::<i64>()) {
            any_bytes(&data);
            data[0] = b'e';
            data[33..].copy_from_slice(&id.to_be_bytes());
            any_bytes(&data);
            prop_assert_eq!(Cursor::parse(&BASE64_URL_SAFE_NO_PAD.encode(&data)).is_some(), id >= 0);
        }

        #[test]
        fn what_is_written_is_read(cursor in any_cursor()) {
            prop_assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        }

        /// Letters that differ in bits that mean nothing included.
        #[test]
        fn a_changed_cursor_is_another_or_none(
            cursor in any_cursor(),
            at in 0_usize..60,
            with in prop_oneof!["[A-Za-z0-9_-]{0,2}", "[+/= \n]", ".{0,3}"],
            kept in 0_usize..2,
        ) {
            let text = cursor.to_string();
            let at = at.min(text.len());
            let changed = format!("{}{with}{}", &text[..at], &text[(at + kept).min(text.len())..]);
            any_text(&changed);
            prop_assert_eq!(Cursor::parse(&changed) == Some(cursor), changed == text);
        }
    }

    #[test]
    fn the_corpus() {
        crate::corpus::replay("cursor", any_bytes);
    }
}
