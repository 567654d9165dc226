//! E-mail, by SMTP.

use std::time::Duration;

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
    transport::smtp::{self, PoolConfig},
};
use tokio::time::timeout;

use super::{
    letter::Letter,
    state::Outcome,
    text::{Text, in_one_line},
};
use crate::{
    clock::Timestamp,
    error::{Error, Result},
};

/// For a step of the conversation, and for all of it.
const STEP: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(30);
/// For a connection that nothing was sent on, before it is closed.
const IDLE: Duration = Duration::from_secs(30);

/// The way to the mail server.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Says to other machines that no person wrote this, so that none of them answers.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Mailer {
    /// `url` as in LEADCAST_SMTP_URL; at most so many connections at once.
    pub fn new(url: &str, from: Mailbox, connections: u32) -> Result<Self> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(Error::internal)?;
        let pool = PoolConfig::new().max_size(connections).idle_timeout(IDLE);
        Ok(Self { transport: transport.timeout(Some(STEP)).pool_config(pool).build(), from })
    }

    pub async fn send(&self, letter: &Letter, now: Timestamp) -> Outcome {
        let message = match self.message(letter, now) {
            Ok(message) => message,
            Err(why) => return Outcome::dead(why),
        };
        match timeout(WHOLE, self.transport.send(message)).await {
            Ok(Ok(_)) => Outcome::Sent,
            Ok(Err(error)) => outcome(&error),
            Err(_) => Outcome::failed("The mail server did not answer in time."),
        }
    }

    fn message(&self, letter: &Letter, now: Timestamp) -> Result<Message, &'static str> {
        const ADDRESS: &str = "The recipient's e-mail address is not one that mail can be sent to.";
        let address = letter.recipient.email.as_deref().unwrap_or_default().parse().map_err(|_| ADDRESS)?;
        let text = Text::of(letter);
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(in_one_line(&letter.recipient.name)), address))
            .subject(text.subject)
            .message_id(Some(format!("<{}@{}>", letter.id, self.from.email.domain())))
            .date(now.as_system_time())
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(text.plain, text.html))
            .map_err(|_| ADDRESS)
    }
}

/// The codes by which a server refuses who sends, not what is sent: for whoever runs leadcast to mend.
const ABOUT_US: [u16; 4] = [530, 534, 535, 538];

fn outcome(error: &smtp::Error) -> Outcome {
    let code = error.status().map(u16::from);
    if let Some(code) = code {
        if ABOUT_US.contains(&code) {
            return Outcome::failed(format!("The mail server does not let leadcast in ({code})."));
        }
        let why = format!("The mail server answered {}", said(error, code));
        return if error.is_permanent() { Outcome::dead(why) } else { Outcome::failed(why) };
    }
    if error.is_timeout() {
        Outcome::failed("The mail server did not answer in time.")
    } else if error.is_tls() {
        Outcome::failed("No secure connection to the mail server could be made.")
    } else {
        Outcome::failed("The mail server could not be reached.")
    }
}

/// What the server said, without lettre's words around it.
fn said(error: &smtp::Error, code: u16) -> String {
    let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    if text.is_empty() { format!("{code}.") } else { format!("{code}: {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::letter::samples::letter;

    fn mailer() -> Mailer {
        Mailer::new("smtp://127.0.0.1:1", "Leads <leads@example.com>".parse().expect("a mailbox"), 1).expect("a URL")
    }

    fn raw(letter: &Letter) -> String {
        let message = mailer().message(letter, Timestamp::from_micros(1_700_000_000_000_000)).expect("a message");
        String::from_utf8(message.formatted()).expect("text")
    }

    #[tokio::test]
    async fn it_names_itself_and_both_its_forms() {
        let letter = letter(&[("Balance low", "5 credits left – now")], 0);
        let raw = raw(&letter);
        for line in [
            "From: Leads <leads@example.com>".to_owned(),
            "To: Pat <pat@example.com>".to_owned(),
            "Subject: Balance low".to_owned(),
            format!("Message-ID: <{}@example.com>", letter.id),
            "Date: Tue, 14 Nov 2023 22:13:20 +0000".to_owned(),
            "Auto-Submitted: auto-generated".to_owned(),
        ] {
            assert!(raw.contains(&format!("{line}\r\n")), "{line} is missing in\n{raw}");
        }
        assert!(raw.contains("multipart/alternative") && raw.find("text/plain") < raw.find("text/html"), "{raw}");
    }

    #[tokio::test]
    async fn no_text_makes_a_header() {
        let mut letter = letter(&[("Hello\r\nBcc: all@example.com\r\n\r\nbody", "text")], 0);
        letter.recipient.name = "Pat\r\nBcc: all@example.com".to_owned();
        let raw = raw(&letter);
        let head = raw.split("\r\n\r\n").next().unwrap_or_default();
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
        assert!(head.contains("Subject: Hello Bcc: all@example.com body\r\n"), "{head}");
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_hopeless() {
        for bad in ["", "pat", "pat@", "a@b\r\nBcc: c@d", "<pat@example.com>"] {
            let mut letter = letter(&[("A", "a")], 0);
            letter.recipient.email = Some(bad.to_owned());
            assert!(mailer().message(&letter, Timestamp::from_micros(0)).is_err(), "{bad}");
        }
    }
}
