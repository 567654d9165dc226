//! Checks of what clients send. An [`Input`] collects every complaint with its path, so that a form can show them all.

use unicode_normalization::UnicodeNormalization;

use crate::{
    error::{Error, ErrorCode, Fault, Result, UserError},
    money::{Amount, Credits, SignedCredits},
};

/// Bytes that `attributes` or `data` may have as JSON text.
pub const MAX_JSON_BYTES: usize = 16 << 10;
/// How deep it may be nested: readers have limits of their own, and must never meet them.
pub const MAX_JSON_DEPTH: usize = 16;
/// Characters of a `reference`.
pub const MAX_REFERENCE_CHARS: usize = 200;
/// Words of a search.
pub const MAX_SEARCH_WORDS: usize = 8;
/// Characters of a text in a filter.
pub const MAX_FILTER_CHARS: usize = 500;

/// The complaints about one input.
#[derive(Default, Debug)]
pub struct Input {
    refusals: Vec<UserError>,
}

impl Input {
    /// Of a field only the first complaint is kept.
    pub fn refuse(&mut self, refusal: UserError) {
        if !self.refusals.iter().any(|known| known.way() == refusal.way()) {
            self.refusals.push(refusal);
        }
    }

    pub fn invalid(&mut self, path: &[&str], message: impl Into<String>) {
        self.refuse(UserError::invalid(path, message));
    }

    pub fn forbidden(&mut self, path: &[&str], message: impl Into<String>) {
        self.refuse(UserError::new(ErrorCode::Forbidden, path, message));
    }

    /// Refuses null for fields that always have a value: for each its path, and whether it was sent as null.
    pub fn never_null(&mut self, fields: &[(&[&str], bool)]) {
        for (path, _) in fields.iter().filter(|(_, null)| *null) {
            self.invalid(path, "This cannot be cleared: leave the field out to keep it.");
        }
    }

    /// Refuses to a CUSTOMER what only ADMIN and SERVICE may set: for each field its name, and whether it was sent.
    pub fn operators_alone(&mut self, fields: &[(&str, bool)]) {
        for (field, _) in fields.iter().filter(|(_, sent)| *sent) {
            self.forbidden(&[field], format!("{field} is set by ADMIN and SERVICE only."));
        }
    }

    /// Text that must be there: trimmed, not blank, at most `max` characters, no control characters but line breaks and tabs.
    pub fn text(&mut self, path: &[&str], text: &str, max: usize) -> String {
        let text = text.trim();
        if text.is_empty() {
            self.invalid(path, "This must not be blank.");
        } else if text.chars().count() > max {
            self.invalid(path, format!("This must have at most {max} characters."));
        } else if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            self.invalid(path, "This must not have control characters.");
        }
        text.to_owned()
    }

    /// Text that may be missing; blank text is the same as none.
    pub fn optional_text(&mut self, path: &[&str], text: Option<&str>, max: usize) -> Option<String> {
        let text = text.map(str::trim).filter(|text| !text.is_empty())?;
        Some(self.text(path, text, max))
    }

    /// The topic of a CUSTOM notification: one line of at most 100 characters.
    pub fn topic(&mut self, path: &[&str], topic: &str) -> String {
        let topic = self.text(path, topic, 100);
        if topic.contains(['\n', '\r', '\t']) {
            self.invalid(path, "A topic is one line.");
        }
        topic
    }

    pub fn email(&mut self, path: &[&str], email: Option<&str>) -> Option<String> {
        let email = self.optional_text(path, email, 254)?;
        let well_formed = email
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !domain.contains('@'));
        // What no mail can be sent to is not taken, either.
        if !well_formed || email.contains(char::is_whitespace) || email.parse::<lettre::Address>().is_err() {
            self.invalid(path, "This is not an e-mail address.");
        }
        Some(email)
    }

    pub fn phone(&mut self, path: &[&str], phone: Option<&str>) -> Option<String> {
        let phone = self.optional_text(path, phone, 40)?;
        let digits = phone.chars().filter(char::is_ascii_digit).count();
        let other = phone.chars().any(|c| !c.is_ascii_digit() && !" +-().x/".contains(c));
        if !(5..=20).contains(&digits) || other {
            self.invalid(path, "This is not a phone number.");
        }
        Some(phone)
    }

    pub fn credits(&mut self, path: &[&str], credits: Credits) {
        if !credits.in_range() {
            self.invalid(path, "Credits are whole numbers from 0 to 9007199254740991.");
        }
    }

    pub fn signed_credits(&mut self, path: &[&str], credits: SignedCredits) {
        if !credits.in_range() {
            self.invalid(path, "A change is a whole number from -9007199254740991 to 9007199254740991.");
        }
    }

    pub fn amount(&mut self, path: &[&str], amount: Amount) {
        if !amount.in_range() {
            self.invalid(path, "An amount is a whole number of minor units from 0 to 9007199254740991.");
        }
    }

    /// A JSON object of at most [`MAX_JSON_BYTES`] that both databases can keep.
    pub fn json_object(&mut self, path: &[&str], json: &serde_json::Value) -> bool {
        let complaint = if !json.is_object() {
            "This must be a JSON object.".to_owned()
        } else if !is_within(json, MAX_JSON_DEPTH) {
            format!(
                "This must be nested at most {MAX_JSON_DEPTH} deep, without the character U+0000, its numbers from -1e16 to 1e16 and, \
                 but for 0, no nearer to it than 1e-16."
            )
        } else if json.to_string().len() > MAX_JSON_BYTES {
            format!("This must be at most {MAX_JSON_BYTES} bytes as JSON.")
        } else {
            return true;
        };
        self.invalid(path, complaint);
        false
    }

    /// Goes on only when there was nothing to complain about.
    pub fn accept(self) -> Result<()> {
        if self.refusals.is_empty() { Ok(()) } else { Err(Error::Refused(self.refusals)) }
    }
}

/// No deeper than that, and without what PostgreSQL cannot keep. Goes no deeper itself.
fn is_within(json: &serde_json::Value, depth: usize) -> bool {
    let plain = |text: &str| !text.contains('\0');
    match json {
        serde_json::Value::String(text) => plain(text),
        serde_json::Value::Array(values) => depth > 0 && values.iter().all(|value| is_within(value, depth - 1)),
        serde_json::Value::Object(fields) => {
            depth > 0 && fields.iter().all(|(key, value)| plain(key) && is_within(value, depth - 1))
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) => true,
        serde_json::Value::Number(number) => number.as_f64().is_some_and(is_short),
    }
}

/// PostgreSQL keeps every digit: 1e300 as three hundred of them.
fn is_short(number: f64) -> bool {
    number == 0.0 || (1e-16..=1e16).contains(&number.abs())
}

/// How texts are compared, the same on both engines: compatibility forms made one (NFKC), and in one case. Lower case alone
/// would not do: `ß` is `SS` in capitals, and a sigma at the end of a word is another than within it.
pub fn normalised(text: &str) -> String {
    compared(text).collect()
}

fn compared(text: &str) -> impl Iterator<Item = char> {
    let one_case = |c: char| c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    text.nfkc().flat_map(one_case)
}

/// Whether two texts are the same when they are normalised. Cheap, since it is asked of every provider: texts that differ in an
/// ASCII character first need not be normalised to know, for nothing else becomes one with it.
pub fn same(one: &str, other: &str) -> bool {
    let (mut ones, mut others) = (one.chars(), other.chars());
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a.eq_ignore_ascii_case(&b) => {}
            (Some(a), Some(b)) if a.is_ascii() && b.is_ascii() => return false,
            (Some(c), None) | (None, Some(c)) if c.is_ascii() => return false,
            _ => return compared(one).eq(compared(other)),
        }
    }
}

/// The words of a search, normalised.
pub fn search_words(search: &str) -> Vec<String> {
    normalised(search).split_whitespace().map(str::to_owned).collect()
}

/// Refuses a search that would cost too much.
pub fn check_search(search: &str) -> Result<()> {
    check_filter_text(search)?;
    if search_words(search).len() > MAX_SEARCH_WORDS {
        return Err(Fault::BadUserInput(format!("A search has at most {MAX_SEARCH_WORDS} words.")).into());
    }
    Ok(())
}

/// Refuses a filter's text that is too long, or that no database could hold.
pub fn check_filter_text(text: &str) -> Result<()> {
    if text.chars().count() > MAX_FILTER_CHARS || text.contains('\0') {
        let message = format!("A text in a filter has at most {MAX_FILTER_CHARS} characters, and not U+0000.");
        return Err(Fault::BadUserInput(message).into());
    }
    Ok(())
}

/// A LIKE pattern that finds `word` anywhere, to be used with `ESCAPE '\'`.
pub fn like_pattern(word: &str) -> String {
    let mut pattern = String::with_capacity(word.len() + 2);
    pattern.push('%');
    for c in word.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Marks that join what stands before them, what has several lower cases or more letters in capitals, what looks alike.
    const STRANGE: [char; 20] = [
        'a', 'A', 'i', 'I', 's', 'S', 'k', 'j', ' ', '\u{301}', '\u{307}', '\u{345}', '\u{30c}', 'é', 'É', 'ß', 'ﬁ',
        'ς', 'Σ', '\u{212a}',
    ];

    #[test]
    fn texts_are_the_same_when_their_normal_forms_are() {
        let mut texts: Vec<String> = STRANGE.iter().map(char::to_string).collect();
        texts.extend(STRANGE.iter().flat_map(|one| STRANGE.iter().map(move |other| format!("{one}{other}"))));
        texts.extend(
            ["", "Straße", "STRASSE", "ＦＵＬＬ", "full", "Full ", "Σίσυφος", "ΣΊΣΥΦΟΣ", "ss", "fi"].map(str::to_owned),
        );
        let normal: Vec<_> = texts.iter().map(|text| normalised(text)).collect();
        for (one, normal_one) in texts.iter().zip(&normal) {
            for (other, normal_other) in texts.iter().zip(&normal) {
                assert_eq!(same(one, other), normal_one == normal_other, "{one:?} and {other:?}");
            }
        }
        assert!(same("ＦＵＬＬ", "full") && same("Straße", "STRASSE") && !same("Full ", "full"));
    }
}
