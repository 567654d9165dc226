//! Documents that are almost right.

/// What is put in: words and signs of the language, and what readers of it have stumbled over.
const WORDS: [&str; 40] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "!",
    "$",
    ":",
    "=",
    "@",
    "|",
    "&",
    "...",
    "...F0",
    "\"",
    "\"\"\"",
    "#",
    ",",
    "\n",
    "query ",
    "subscription ",
    "mutation ",
    "fragment F0 on Query {",
    "on",
    "true",
    "null",
    " 0",
    "-1",
    "1e999",
    "00",
    "__typename",
    "__schema { types { name } }",
    "@skip(if: true)",
    "@include(if: $v0)",
    "first: 2147483648",
    "\u{feff}",
    "\u{2028}",
    "\\uD800",
    "id: ",
];

/// `edits`: four bytes each say what is done, where, and with what.
pub fn edited(text: &str, edits: &[u8]) -> String {
    let mut text = text.to_owned();
    for edit in edits.chunks_exact(4) {
        let at = place(&text, u16::from_le_bytes([edit[1], edit[2]]));
        let end = text.floor_char_boundary(at + usize::from(edit[3] % 32));
        let end = end.max(at);
        match edit[0] % 4 {
            0 => text.insert_str(at, WORDS[usize::from(edit[3]) % WORDS.len()]),
            1 => text.replace_range(at..end, ""),
            2 => text.replace_range(at..end, WORDS[usize::from(edit[0]) % WORDS.len()]),
            _ => {
                let again = text[at..end].repeat(usize::from(edit[0] / 64) + 1);
                text.insert_str(end, &again);
            }
        }
    }
    text
}

fn place(text: &str, at: u16) -> usize {
    text.floor_char_boundary(usize::from(at) % (text.len() + 1))
}

/// Texts of nothing but such words.
#[cfg(test)]
pub fn words() -> impl proptest::prelude::Strategy<Value = String> {
    use proptest::prelude::{Strategy, prop};
    prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..40).prop_map(|words| words.concat())
}
