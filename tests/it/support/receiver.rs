//! A webhook's receiver and a mail server, both in the test's own process, both of which can be told to fail.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Response, StatusCode},
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
    sync::Semaphore,
    task::JoinHandle,
};

use super::wire::eventually;

/// A call of the webhook.
#[derive(Clone, Debug)]
pub struct Call {
    pub headers: BTreeMap<String, String>,
    pub body: Bytes,
}

impl Call {
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}: {:?}", self.headers))
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }

    /// Of the only notification in it.
    pub fn notification(&self) -> Value {
        let listed = self.json()["data"]["notifications"].clone();
        assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed:#}");
        listed[0].clone()
    }
}

/// What a receiver answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reply {
    Status(u16),
    /// With this header.
    With(u16, &'static str, &'static str),
    /// 500, when it is allowed to.
    Held,
}

struct Ears {
    calls: Mutex<Vec<Call>>,
    reply: Mutex<Reply>,
    let_go: Semaphore,
    waiting: AtomicUsize,
}

/// Stops when dropped.
pub struct Receiver {
    pub url: String,
    ears: Arc<Ears>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// One that takes everything.
    pub async fn start() -> Self {
        let ears = Arc::new(Ears {
            calls: Mutex::default(),
            reply: Mutex::new(Reply::Status(204)),
            let_go: Semaphore::new(0),
            waiting: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("a bound listener has an address"));
        let router = Router::new().fallback(hear).with_state(ears.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, ears, task }
    }

    pub fn answers(&self, reply: Reply) {
        *self.ears.reply.lock().unwrap_or_else(PoisonError::into_inner) = reply;
    }

    /// Lets everything go that is held.
    pub fn let_go(&self) {
        self.ears.let_go.add_permits(1_000);
    }

    pub fn calls(&self) -> Vec<Call> {
        self.ears.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many calls are held.
    pub fn waiting(&self) -> usize {
        self.ears.waiting.load(Ordering::SeqCst)
    }

    /// Waits for so many calls, and returns them: there are no more by then.
    pub async fn called(&self, times: usize) -> Vec<Call> {
        eventually(&format!("call {times} of the webhook"), async || self.calls().len() >= times).await;
        let calls = self.calls();
        assert_eq!(calls.len(), times, "{calls:#?}");
        calls
    }
}

async fn hear(State(ears): State<Arc<Ears>>, headers: HeaderMap, body: Bytes) -> Response<String> {
    let text = |value: &axum::http::HeaderValue| value.to_str().expect("a header of text").to_owned();
    let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let reply = *ears.reply.lock().unwrap_or_else(PoisonError::into_inner);
    ears.calls.lock().unwrap_or_else(PoisonError::into_inner).push(Call { headers, body });
    let answer = |status: u16| {
        let mut answer = Response::new("said the receiver".to_owned());
        *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
        answer
    };
    match reply {
        Reply::Status(status) => answer(status),
        Reply::With(status, name, value) => {
            let mut answer = answer(status);
            answer.headers_mut().insert(name, value.parse().expect("a header"));
            answer
        }
        Reply::Held => {
            ears.waiting.fetch_add(1, Ordering::SeqCst);
            ears.let_go.acquire().await.expect("it is never closed").forget();
            ears.waiting.fetch_sub(1, Ordering::SeqCst);
            answer(500)
        }
    }
}

/// An e-mail as it came in.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub text: String,
}

/// A mail server that takes everything, or answers to every recipient what it is told to.
pub struct MailServer {
    pub url: String,
    box_: Arc<Mailbox>,
    task: JoinHandle<()>,
}

struct Mailbox {
    mails: Mutex<Vec<Mail>>,
    answer: Mutex<&'static str>,
}

const TAKEN: &str = "250 ok";

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MailServer {
    pub async fn start() -> Self {
        let box_ = Arc::new(Mailbox { mails: Mutex::default(), answer: Mutex::new(TAKEN) });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("smtp://{}", listener.local_addr().expect("a bound listener has an address"));
        let own = box_.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, own.clone()));
            }
        });
        Self { url, box_, task }
    }

    /// What it says of recipients from now on; `None`: that they are fine.
    pub fn answers(&self, answer: Option<&'static str>) {
        *self.box_.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer.unwrap_or(TAKEN);
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.box_.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for so many mails, and returns them: there are no more by then.
    pub async fn got(&self, count: usize) -> Vec<Mail> {
        eventually(&format!("mail {count}"), async || self.mails().len() >= count).await;
        let mails = self.mails();
        assert_eq!(mails.len(), count, "{mails:#?}");
        mails
    }
}

/// As much of SMTP as it takes. A client that goes away ends it.
async fn converse(stream: TcpStream, mailbox: Arc<Mailbox>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut to = String::new();
    say(&mut write, "220 test ESMTP").await;
    while let Ok(Some(line)) = lines.next_line().await {
        let command = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match command.as_str() {
            "EHLO" | "HELO" => say(&mut write, "250 test").await,
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                let answer = *mailbox.answer.lock().unwrap_or_else(PoisonError::into_inner);
                say(&mut write, answer).await;
            }
            "DATA" => {
                say(&mut write, "354 go on").await;
                let mut text = String::new();
                while let Ok(Some(line)) = lines.next_line().await
                    && line != "."
                {
                    text.push_str(&line);
                    text.push('\n');
                }
                let mail = Mail { to: to.clone(), text };
                mailbox.mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
                say(&mut write, TAKEN).await;
            }
            "QUIT" => return say(&mut write, "221 bye").await,
            _ => say(&mut write, TAKEN).await,
        }
    }
}

async fn say(write: &mut OwnedWriteHalf, line: &str) {
    // A client that has gone does not read it.
    let _ = write.write_all(format!("{line}\r\n").as_bytes()).await;
}
