//! Everything that can happen in a tenant, done and seen by its own users: the moves that the other tenant must not notice,
//! the secrets that it must not learn, and the proof that what is aimed at is there and that every field of the schema
//! has shown something.

use std::collections::BTreeSet;

use super::{
    Complaints, NEVER_SHOWN,
    aim::{Aim, DEMO, Own},
    crew::{Crew, finds, tries},
    schema,
    secrets::Secrets,
    streams::first_heard,
    table::{MUTATIONS, QUERIES, Row, Try},
};
use crate::support::{TestServer, api::Who, client::Answer, market::few_at_once};

/// What was shown so far.
struct Shown {
    secrets: Secrets,
    fields: BTreeSet<String>,
    wrong: Complaints,
}

pub async fn life(server: &TestServer, aim: &Aim) -> (Secrets, Complaints) {
    let mut shown = Shown { secrets: Secrets::of(&DEMO), fields: BTreeSet::new(), wrong: Vec::new() };
    let crew = Crew::of(server, &DEMO);
    // Streams bring what has happened since the market began.
    let of_viewer = Own { end: aim.of_viewer.start.clone(), ..aim.of_viewer.clone() };
    let aim = Aim { of_viewer, ..aim.clone() };

    let queries = tries(QUERIES, &aim).map(async |(row, one)| (row, crew.ask(row.root, &one.arguments).await, one));
    for (row, answers, one) in few_at_once(queries.collect::<Vec<_>>()).await {
        shown.take(row, &one, &answers);
    }
    for row in MUTATIONS {
        let aim = DEMO.again(server, &aim).await;
        for one in (row.tries)(&aim) {
            let answers = crew.ask(row.root, &one.arguments).await;
            shown.take(row, &one, &answers);
        }
    }
    for (row, one, heard) in first_heard(server, &DEMO, &aim).await {
        match heard.get("data") {
            Some(data) => shown.learn(row.root, data),
            None => shown.wrong.push(format!("nobody hears {} with {}, but {heard}", row.root, one.arguments)),
        }
    }
    assert!(shown.secrets.is_large(), "too little was learnt");
    shown.wrong.extend(shown.what_was_never_shown());
    (shown.secrets, shown.wrong)
}

impl Shown {
    fn take(&mut self, row: &Row, one: &Try, answers: &[(Who, Answer)]) {
        for (_, answer) in answers {
            self.learn(row.root, &answer.body["data"]);
        }
        if !answers.iter().any(|(_, answer)| finds(row.root, &answer.body)) {
            let last = answers.last().map(|(_, answer)| answer.body.to_string()).unwrap_or_default();
            self.wrong.push(format!("nobody finds anything by {} with {}, but {last}", row.root, one.arguments));
        }
    }

    fn learn(&mut self, root: &str, data: &serde_json::Value) {
        self.secrets.learn(data);
        if !data[schema::name(root)].is_null() {
            self.fields.insert(root.to_owned());
        }
        schema::seen(data, &mut self.fields);
    }

    fn what_was_never_shown(&self) -> Complaints {
        let expected: BTreeSet<String> = schema::outputs();
        let never: BTreeSet<String> = NEVER_SHOWN.iter().map(|&field| field.to_owned()).collect();
        let missing = expected.difference(&self.fields).filter(|field| !never.contains(*field));
        let missing = missing.map(|field| format!("{field} was never shown: let something happen that shows it"));
        let needless = never.iter().filter(|field| self.fields.contains(*field) || !expected.contains(*field));
        missing.chain(needless.map(|field| format!("{field} is no longer to be listed"))).collect()
    }
}
