//! What a mail server's answer means, and how much of it is shown.
//!
//! lettre does not say which command an answer is to. So a mail is hopeless only by a code that is about its recipient and nothing
//! else, and the server's words are shown only when they repeat nothing of what leadcast has logged in with.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::state::Outcome;

/// The codes by which a server refuses who sends, not what is sent: for whoever runs leadcast to mend.
const ABOUT_US: [u16; 4] = [530, 534, 535, 538];

/// Enhanced status codes (without the class, which is 5) that are about the recipient, whatever command they answer: there is no
/// such mailbox or domain, it is no address, it has moved; the mailbox is closed, full, or takes nothing that long. Those about
/// the sender (5.1.7, 5.1.8), about rules (5.7) and the undefined ones (5.1.0, 5.2.0) are not among them.
const ABOUT_THE_RECIPIENT: [(u16, u16); 8] = [(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1), (2, 2), (2, 3)];

/// Characters of a secret that give it away: an answer may repeat a part of a line.
const TELLING: usize = 6;

/// What leadcast logs in with, in the forms in which a server gets it.
pub struct Secrets {
    /// Squeezed, as the texts are that they are looked for in.
    pieces: Vec<String>,
}

impl Secrets {
    /// Of a URL such as `smtps://user:password@mail.example.com`, in which there may be none.
    pub fn of(url: &str) -> Self {
        let url = Url::parse(url).ok();
        let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
        let login = url.as_ref().and_then(|url| Some((decoded(url.username()), decoded(url.password()?))));
        let Some((user, password)) = login else { return Self { pieces: Vec::new() } };
        let plain = [b"\0", &user[..], b"\0", &password[..]].concat();
        let encoded = [&user, &password, &plain].map(|secret| BASE64_STANDARD.encode(secret));
        let mut pieces = vec![squeezed(&String::from_utf8_lossy(&user))];
        for secret in encoded.iter().map(String::as_str).chain([&*String::from_utf8_lossy(&password)]) {
            pieces.extend(pieces_of(&squeezed(secret)));
        }
        pieces.retain(|piece| !piece.is_empty());
        Self { pieces }
    }

    fn are_in(&self, text: &str) -> bool {
        let text = squeezed(text);
        self.pieces.iter().any(|piece| text.contains(piece))
    }
}

/// All that is so long, or the whole if that is shorter.
fn pieces_of(secret: &str) -> Vec<String> {
    let chars: Vec<char> = secret.chars().collect();
    let windows = chars.windows(TELLING.min(chars.len()).max(1));
    windows.map(|window| window.iter().collect()).collect()
}

/// Without spaces and regardless of case, as a server may break a line that it repeats, or change it.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect()
}

/// Of an answer of 4xx or 5xx, with what the server said besides.
pub fn outcome(code: u16, text: &str, secrets: &Secrets) -> Outcome {
    if ABOUT_US.contains(&code) {
        return Outcome::failed(format!("The mail server does not let leadcast in ({code})."));
    }
    let enhanced = enhanced(code, text);
    let why = match enhanced {
        _ if !text.is_empty() && !secrets.are_in(text) => format!("The mail server answered {code}: {text}"),
        Some((subject, detail)) => format!("The mail server answered {code} {}.{subject}.{detail}.", code / 100),
        None => format!("The mail server answered {code}."),
    };
    let hopeless = code / 100 == 5 && enhanced.is_some_and(|enhanced| ABOUT_THE_RECIPIENT.contains(&enhanced));
    if hopeless { Outcome::dead(why) } else { Outcome::failed(why) }
}

/// The enhanced status code that a text begins with, of the same class as the code.
fn enhanced(code: u16, text: &str) -> Option<(u16, u16)> {
    let number = |part: &str| part.parse::<u16>().ok().filter(|number| *number < 1_000);
    let parts: Vec<&str> = text.split_whitespace().next()?.split('.').collect();
    let [class, subject, detail] = parts[..] else { return None };
    (number(class)? == code / 100).then_some((number(subject)?, number(detail)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "smtps://leads%40example.com:s3cr%2Bt%20pass@mail.example.com";

    fn said(code: u16, text: &str) -> (bool, String) {
        match outcome(code, text, &Secrets::of(URL)) {
            Outcome::Dead { why } => (true, why),
            Outcome::Failed { why, .. } => (false, why),
            Outcome::Sent => panic!("{code} is a failure"),
        }
    }

    #[test]
    fn only_what_is_about_the_recipient_is_hopeless() {
        for (code, text) in
            [(550, "5.1.1 no such user"), (556, "5.1.10 takes no mail"), (501, "5.1.3 no address"), (552, "5.2.2 full")]
        {
            assert_eq!(said(code, text), (true, format!("The mail server answered {code}: {text}")));
        }
        for (code, text) in [
            (500, "unknown command"),
            (504, "5.5.4 mechanism not supported"),
            (521, "no mail here"),
            (550, "no such user"),
            (550, "who is there?"),
            (550, "5.7.1 relaying denied"),
            (553, "5.1.8 sender's domain not found"),
            (554, "5.1.0 sender refused"),
            (554, "you are on a list 5.1.1"),
            (550, "4.1.1 of another class"),
            (550, "5.1.1.1 is none"),
            (450, "4.1.1 not now"),
        ] {
            assert_eq!(said(code, text), (false, format!("The mail server answered {code}: {text}")));
        }
        assert_eq!(said(535, "5.1.1 x"), (false, "The mail server does not let leadcast in (535).".to_owned()));
    }

    #[test]
    fn no_secret_is_shown() {
        let encoded = |text: &str| BASE64_STANDARD.encode(text);
        let plain = encoded("\0leads@example.com\0s3cr+t pass");
        for secret in [
            "leads@example.com".to_owned(),
            "LEADS@example.com".to_owned(),
            "s3cr+t pass".to_owned(),
            "s3cr+t".to_owned(),
            encoded("leads@example.com"),
            encoded("s3cr+t pass"),
            plain[..14].to_owned(),
            plain[8..24].to_owned(),
            format!("{} {}", &plain[..5], &plain[5..]),
            plain,
        ] {
            let echoed = format!("5.5.1 what is AUTH PLAIN {secret}?");
            assert_eq!(said(500, &echoed), (false, "The mail server answered 500 5.5.1.".to_owned()), "{secret}");
            assert_eq!(said(454, &secret), (false, "The mail server answered 454.".to_owned()), "{secret}");
        }
        assert_eq!(said(451, ""), (false, "The mail server answered 451.".to_owned()));
        // Short ones count as a whole, and where there are none there is nothing to hide.
        assert!(Secrets::of("smtp://u:pw@mail.example.com").are_in("what is pw?"));
        for url in ["smtp://mail.example.com", "smtp://leads@mail.example.com", "smtp://:@mail.example.com"] {
            assert!(!Secrets::of(url).are_in("leads and everything"), "{url}");
        }
        // What only looks encoded is meant as it stands.
        assert!(Secrets::of("smtp://u:a%2Bb%zz%4@mail.example.com").are_in("what is a+b%zz%4?"));
    }
}
