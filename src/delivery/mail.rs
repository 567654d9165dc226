//! E-mail, by SMTP.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
    transport::smtp::{self, PoolConfig, response::Code},
};
use tokio::time::timeout;

use super::{
    letter::Letter,
    reply::{self, Secrets},
    state::Outcome,
    text::{Text, in_a_header},
};
use crate::{
    clock::Timestamp,
    error::{Error, Result},
    trouble::Trouble,
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
    secrets: Secrets,
    trouble: Mutex<Trouble>,
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
        let transport = transport.timeout(Some(STEP)).pool_config(pool).build();
        let trouble = Mutex::new(Trouble::with("sending e-mail"));
        Ok(Self { transport, from, secrets: Secrets::of(url), trouble })
    }

    pub async fn send(&self, letter: &Letter, now: Timestamp) -> Outcome {
        let message = match self.message(letter, now) {
            Ok(message) => message,
            Err(why) => return Outcome::dead(why),
        };
        let (outcome, code) = match timeout(WHOLE, self.transport.send(message)).await {
            Ok(Ok(_)) => (Outcome::Sent, None),
            Ok(Err(error)) => (self.outcome(&error), error.status()),
            Err(_) => (Outcome::failed("The mail server did not answer in time."), None),
        };
        self.tell(&outcome, code);
        outcome
    }

    /// A mail server that takes nothing is whoever runs leadcast's to mend. Its words may name recipients: they are not for the log.
    fn tell(&self, outcome: &Outcome, code: Option<Code>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match (outcome, code) {
            (Outcome::Sent, _) => trouble.went_well(),
            (Outcome::Failed { .. }, Some(code)) => {
                trouble.failed(&format!("It answered {code}: `lastError` of a delivery has its words."));
            }
            (Outcome::Failed { why, .. }, None) => trouble.failed(why),
            (Outcome::Dead { .. }, _) => {}
        }
    }

    fn message(&self, letter: &Letter, now: Timestamp) -> Result<Message, &'static str> {
        const ADDRESS: &str = "The recipient's e-mail address is not one that mail can be sent to.";
        let address = letter.recipient.email.as_deref().unwrap_or_default().parse().map_err(|_| ADDRESS)?;
        let text = Text::of(letter);
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(in_a_header(&letter.recipient.name)), address))
            .subject(text.subject)
            .message_id(Some(format!("<{}@{}>", letter.id, self.from.email.domain())))
            .date(now.as_system_time())
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(text.plain, text.html))
            .map_err(|_| ADDRESS)
    }

    fn outcome(&self, error: &smtp::Error) -> Outcome {
        if let Some(code) = error.status() {
            // What the server said, without lettre's words around it.
            let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            return reply::outcome(code.into(), &text, &self.secrets);
        }
        if error.is_timeout() {
            Outcome::failed("The mail server did not answer in time.")
        } else if error.is_tls() {
            Outcome::failed("No secure connection to the mail server could be made.")
        } else {
            Outcome::failed("The mail server could not be reached.")
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
        net::TcpListener,
    };

    use super::*;
    use crate::delivery::letter::samples::letter;

    /// What becomes of a mail when a server says this to a command (`HI`: when it is called), and to any other that all is well.
    /// `{line}` is what it got.
    async fn sent_to(command: &'static str, answer: &'static str) -> Outcome {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a call");
            let (reader, mut writer) = stream.into_split();
            let mut lines = BufReader::new(reader).lines();
            let mut line = "HI".to_owned();
            loop {
                let said = match line.split(' ').next().unwrap_or_default() {
                    first if first == command => answer.replace("{line}", &line),
                    "HI" => "220 here".to_owned(),
                    "EHLO" => "250-here\r\n250 AUTH PLAIN".to_owned(),
                    "DATA" => "354 go on".to_owned(),
                    _ => "250 fine".to_owned(),
                };
                writer.write_all(format!("{said}\r\n").as_bytes()).await.expect("it listens");
                match lines.next_line().await {
                    Ok(Some(next)) => line = next,
                    _ => return,
                }
            }
        });
        let url = format!("smtp://leads:hunter2hunter2@{address}");
        let mailer = Mailer::new(&url, "leads@example.com".parse().expect("a mailbox"), 1).expect("a URL");
        let outcome = mailer.send(&letter(&[("A", "a")], 0), Timestamp::from_micros(0)).await;
        server.abort();
        outcome
    }

    #[tokio::test]
    async fn what_a_server_has_against_us_is_not_the_mails_end() {
        for (command, answer, said) in [
            ("HI", "554 no mail from there", "554: no mail from there"),
            ("EHLO", "550 5.7.1 what a name", "550: 5.7.1 what a name"),
            ("AUTH", "500 5.5.1 what is {line}?", "500 5.5.1."),
            ("AUTH", "504 {line}", "504."),
            ("MAIL", "550 5.7.1 not yours to send", "550: 5.7.1 not yours to send"),
            ("RCPT", "550 no", "550: no"),
        ] {
            let why = format!("The mail server answered {said}");
            assert_eq!(sent_to(command, answer).await, Outcome::failed(why), "{command} {answer}");
        }
        let dead = Outcome::dead("The mail server answered 550: 5.1.1 no such user");
        assert_eq!(sent_to("RCPT", "550 5.1.1 no such user").await, dead);
    }

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
        // Nor one that readers decode.
        letter.listed[0].title = "=?utf-8?B?SGk=?=".to_owned();
        letter.recipient.name = "=?utf-8?Q?Pat?=".to_owned();
        let raw = self::raw(&letter);
        assert!(!raw.contains("=?utf-8?B?SGk=?=") && !raw.contains("=?utf-8?Q?Pat?="), "{raw}");
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
