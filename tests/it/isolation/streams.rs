//! The streams of a tenant's users while another tenant lives: what they hear first is their own.

use std::time::Duration;

use futures_util::FutureExt;
use leadcast::users::Role;
use serde_json::{Value, json};

use super::{
    Complaints,
    aim::{Aim, Words, crew},
    crew::{shortened, tries},
    schema,
    secrets::Secrets,
    table::{Finds, Row, SUBSCRIPTIONS, Try},
};
use crate::support::{
    TestServer,
    api::{ADMIN, PAT, Who},
    market::listeners,
    socket::{Heard, Socket, Subscription},
    soon,
};

struct Ear {
    who: Who,
    row: &'static Row,
    one: Try,
    stream: Subscription,
}

/// Every stream of every role, with everything that it can be asked for.
pub struct Ears {
    ears: Vec<Ear>,
    sockets: Vec<Socket>,
}

impl Ear {
    fn of(who: Who, socket: &mut Socket, row: &'static Row, one: Try) -> Self {
        let stream = socket.subscribe(&schema::document(row.root, &one.arguments), one.arguments.clone());
        Self { who, row, one, stream }
    }

    /// Only a provider has a wallet to hear of.
    fn will_hear(&self) -> bool {
        self.one.finds == Finds::Own
            && (self.row.root != "Subscription.balanceUpdated" || self.who.role == Role::Provider)
    }

    /// Whether the rival is told that it may not ask this.
    fn is_refused(&self) -> bool {
        let by_customer = self.one.arguments.to_string().contains("customerId");
        matches!(self.one.finds, Finds::Refusal(_)) || (by_customer && self.who.role == Role::Provider)
    }

    /// The mailboxes in the hub: public and private events have one each.
    fn mailboxes(&self) -> usize {
        let both = self.row.root == "Subscription.events" && self.one.arguments.get("types").is_none();
        1 + usize::from(both)
    }

    /// Where streams go on from a place in the log, nothing of this tenant's has happened since.
    fn has_missed_nothing(&mut self) {
        if self.is_refused() || self.one.arguments.get("after").is_none() {
            return;
        }
        if let Some(heard) = self.stream.heard().now_or_never() {
            panic!("{} by {} with {} hears {heard:?}", self.who.user, self.row.root, self.one.arguments);
        }
    }

    fn in_words(&self, message: &Value) -> String {
        let (who, root, message) = (self.who, self.row.root, shortened(message));
        format!("{} of {} by {root} with {}: {message}", who.user, who.tenant, self.one.arguments)
    }
}

async fn socket(server: &TestServer, who: Who) -> Socket {
    Socket::connect(server.raw_socket().await, &server.token_for(who.tenant, who.user, who.role)).await
}

/// A lead opens, is claimed, is changed, and everybody is told of it and reads that: every stream has something to tell.
async fn fence(server: &TestServer, words: &Words, lead: &str) {
    let of = |who: Who| Who { tenant: words.tenant, ..who };
    server.act(of(ADMIN), "verifyLead", json!({ "id": lead })).await.done();
    server.act(of(PAT), "claimLead", json!({ "leadId": lead, "maxPrice": 1_000_000_000 })).await.done();
    server.act(of(ADMIN), "updateLead", json!({ "id": lead, "description": "At the fence" })).await.done();
    let told = json!({ "to": { "everyone": true }, "title": "At the fence", "message": "Look", "leadId": lead, "reference": lead });
    server.act(of(ADMIN), "createNotification", told).await.done();
    for who in crew(words.tenant) {
        let told = json!({ "select": { "filter": { "leadId": lead } } });
        server.act(who, "markNotificationsRead", told).await.done();
    }
}

/// What is heard first by who hears most: the administrator, and of wallets their owner.
pub async fn first_heard(server: &TestServer, words: &Words, aim: &Aim) -> Vec<(&'static Row, Try, Value)> {
    let [admin, _, _, provider] = crew(words.tenant);
    let others = server.app.hub.stats().subscribers;
    let mut sockets = [socket(server, admin).await, socket(server, provider).await];
    let mut ears = Vec::new();
    for (row, one) in tries(SUBSCRIPTIONS, aim) {
        let of_providers =
            row.root == "Subscription.balanceUpdated" || one.arguments.to_string().contains("LEAD_MATCHED");
        let (who, socket) = if of_providers { (provider, 1) } else { (admin, 0) };
        ears.push(Ear::of(who, &mut sockets[socket], row, one));
    }
    listeners(server, others + ears.iter().map(Ear::mailboxes).sum::<usize>()).await;
    fence(server, words, &aim.of_viewer.fence).await;
    let mut heard = Vec::new();
    for mut ear in ears {
        heard.push((ear.row, ear.one, ear.stream.message().await["payload"].clone()));
    }
    heard
}

impl Ears {
    pub async fn open(server: &TestServer, words: &Words, aim: &Aim) -> Self {
        let (mut ears, mut sockets) = (Vec::new(), Vec::new());
        for who in crew(words.tenant) {
            let mut socket = socket(server, who).await;
            ears.extend(tries(SUBSCRIPTIONS, aim).map(|(row, one)| Ear::of(who, &mut socket, row, one)));
            sockets.push(socket);
        }
        let mailboxes: usize = ears.iter().filter(|ear| !ear.is_refused()).map(Ear::mailboxes).sum();
        soon("the streams to be open", async {
            while server.app.hub.stats().subscribers < mailboxes {
                ears.iter_mut().for_each(Ear::has_missed_nothing);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
        Self { ears, sockets }
    }

    /// After all that the other tenant has done, the first that is heard is this tenant's fence; places in the other's log
    /// were refused.
    pub async fn fence(&mut self, server: &TestServer, words: &Words, aim: &Aim, secrets: &Secrets) -> Complaints {
        fence(server, words, &aim.of_viewer.fence).await;
        let mut wrong = Vec::new();
        for ear in self.ears.iter_mut().filter(|ear| ear.will_hear()) {
            let mut message = ear.stream.message().await;
            // Which tells of nothing.
            while message["payload"]["data"]["events"]["__typename"] == "ProgressEvent" {
                message = ear.stream.message().await;
            }
            let found = secrets.found_in(&message);
            if message["type"] != "next" || !message.to_string().contains(&aim.of_viewer.fence) {
                wrong.push(format!("{} came before the fence", ear.in_words(&message)));
            } else if !found.is_empty() {
                wrong.push(format!("{} tells {found:?}", ear.in_words(&message)));
            }
        }
        // By now, what was refused has been.
        for ear in &mut self.ears {
            let Finds::Refusal(code) = ear.one.finds else { continue };
            match ear.stream.heard().now_or_never() {
                Some(Heard::Message(message)) if message["payload"][0]["extensions"]["code"] == code => {}
                heard => {
                    let heard = json!(format!("{heard:?}"));
                    wrong.push(format!("{} was to be refused with {code}", ear.in_words(&heard)));
                }
            }
        }
        wrong
    }

    /// Ends them, and looks at all that came until then: on a socket an answer comes after what was sent before it.
    pub async fn close(mut self, secrets: &Secrets) -> Complaints {
        self.ears.iter().for_each(|ear| ear.stream.complete());
        for socket in &mut self.sockets {
            assert_eq!(socket.subscribe("{ __typename }", Value::Null).message().await["type"], "next");
        }
        let mut wrong = Vec::new();
        for ear in &mut self.ears {
            while let Some(Heard::Message(message)) = ear.stream.heard().now_or_never() {
                let found = secrets.found_in(&message);
                match message["type"].as_str() {
                    Some("next") if ear.one.finds == Finds::Nothing => {
                        wrong.push(format!("{} was to be silence", ear.in_words(&message)));
                    }
                    Some("error") if ear.is_refused() => {}
                    Some("next") if found.is_empty() => {}
                    _ => wrong.push(format!("{} tells {found:?}", ear.in_words(&message))),
                }
            }
        }
        wrong
    }
}
