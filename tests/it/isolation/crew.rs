//! A tenant's users, one of each role: what they ask, and what is made of what they are answered.

use leadcast::events::Cursor;
use serde_json::Value;

use super::{
    Complaints,
    aim::{Aim, Words, crew},
    schema,
    secrets::Secrets,
    table::{Finds, MUTATIONS, QUERIES, Row, Try},
};
use crate::support::{
    TestServer,
    api::Who,
    client::{Answer, Client},
    market::{few_at_once, insist},
};

/// What each of them was answered, in the order of the crew.
pub type Answers = Vec<(Who, Answer)>;

pub struct Crew(Vec<(Who, Client)>);

impl Crew {
    pub fn of(server: &TestServer, words: &Words) -> Self {
        let client =
            |who: Who| Client::new(server.url("/graphql"), Some(server.token_for(who.tenant, who.user, who.role)));
        Self(crew(words.tenant).map(|who| (who, client(who))).into())
    }

    /// What each of them is answered when it asks for everything.
    pub async fn ask(&self, root: &str, arguments: &Value) -> Answers {
        let document = schema::document(root, arguments);
        let mut answers = Vec::new();
        for (who, client) in &self.0 {
            answers.push((*who, insist(client, &document, arguments.clone()).await));
        }
        answers
    }

    /// What each of them is answered by each way to ask with this aim.
    pub async fn look(&self, aim: &Aim) -> Vec<Answers> {
        let asked = tries(QUERIES, aim).map(async |(row, one)| self.ask(row.root, &one.arguments).await);
        few_at_once(asked.collect::<Vec<_>>()).await
    }

    /// Asks for what is another tenant's, and compares it with what they are answered of what there is not.
    pub async fn queries(&self, aimed: &Aim, control: &Aim, controls: &[Answers], secrets: &Secrets) -> Complaints {
        let answers = self.look(aimed).await;
        let judged = tries(QUERIES, aimed).zip(answers).zip(controls).map(|(((row, one), answers), controls)| {
            judge(row, &one, &mapped(answers, aimed, control), controls, secrets, same)
        });
        judged.collect::<Vec<_>>().concat()
    }

    /// Does everything to what is their own: what it comes to is theirs too, whatever the other tenant has by the same name.
    pub async fn live(&self, server: &TestServer, words: &Words, own: &Aim, secrets: &Secrets) -> Complaints {
        let mut wrong = Vec::new();
        for row in MUTATIONS {
            let own = words.again(server, own).await;
            for one in (row.tries)(&own) {
                for (who, answer) in self.ask(row.root, &one.arguments).await {
                    wrong.extend(told(&in_words(who, row, &one, &answer.body), &answer, secrets));
                }
            }
        }
        wrong
    }

    /// Does something to what is another tenant's, and to what there is not.
    pub async fn mutations(&self, server: &TestServer, aimed: &Aim, control: &Aim, secrets: &Secrets) -> Complaints {
        let mut wrong = Vec::new();
        for ((row, one), (_, other)) in tries(MUTATIONS, aimed).zip(tries(MUTATIONS, control)) {
            // Lest the viewer's own news come in between the two.
            server.all_is_told().await;
            let (answers, controls) =
                (self.ask(row.root, &one.arguments).await, self.ask(row.root, &other.arguments).await);
            // What they have named by now may be in their own things.
            let [answers, controls] = [answers, controls].map(|answers| mapped(answers, aimed, control));
            // What both make is not the same thing, but made in the same way.
            let outline = |answer: &Answer| {
                let payload = &answer.body["data"][schema::name(row.root)];
                (answer.body["errors"].clone(), payload["userErrors"].clone(), payload["replayed"].clone())
            };
            let same = |answer: &Answer, control: &Answer| match one.finds {
                Finds::Own => outline(answer) == outline(control),
                _ => answer.body == control.body,
            };
            wrong.extend(judge(row, &one, &answers, &controls, secrets, same));
        }
        wrong
    }
}

/// Every way to ask, with this aim.
pub fn tries<'a>(rows: &'static [Row], aim: &'a Aim) -> impl Iterator<Item = (&'static Row, Try)> + 'a {
    rows.iter().flat_map(move |row| (row.tries)(aim).into_iter().map(move |one| (row, one)))
}

fn in_words(who: Who, row: &Row, one: &Try, answer: &Value) -> String {
    let (root, arguments, answer) = (row.root, &one.arguments, shortened(answer));
    format!("{} of {} is answered to {root} with {arguments}: {answer}", who.user, who.tenant)
}

/// Enough of it to see what it is.
pub fn shortened(answer: &Value) -> String {
    const LENGTH: usize = 1_000;
    let text = answer.to_string();
    text.chars().take(LENGTH).collect()
}

fn told(words: &str, answer: &Answer, secrets: &Secrets) -> Option<String> {
    let found = secrets.found_in(&answer.body);
    (!found.is_empty()).then(|| format!("{words} tells {found:?}"))
}

/// As if something else had been aimed at.
fn mapped(answers: Answers, aim: &Aim, other: &Aim) -> Answers {
    let map = |answer: Answer| {
        let text = aim.replaced(&answer.body.to_string(), other);
        Answer { body: serde_json::from_str(&text).expect("it is still JSON"), ..answer }
    };
    answers.into_iter().map(|(who, answer)| (who, map(answer))).collect()
}

/// Whether these are the same answers. Places in the log move on whoever does something.
pub fn same(one: &Answer, other: &Answer) -> bool {
    one.status == other.status && without_cursors(&one.body) == without_cursors(&other.body)
}

fn without_cursors(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(without_cursors).collect(),
        Value::Object(object) => object.iter().map(|(name, value)| (name.clone(), without_cursors(value))).collect(),
        Value::String(text) if Cursor::parse(text).is_some() => "a Cursor".into(),
        leaf => leaf.clone(),
    }
}

/// What is wrong with what the other tenant's users were answered, each beside what they are answered of nothing.
fn judge(
    row: &Row,
    one: &Try,
    answers: &[(Who, Answer)],
    controls: &[(Who, Answer)],
    secrets: &Secrets,
    same: impl Fn(&Answer, &Answer) -> bool,
) -> Complaints {
    let mut wrong = Vec::new();
    let mut as_expected = false;
    for ((who, answer), (_, control)) in answers.iter().zip(controls) {
        let words = in_words(*who, row, one, &answer.body);
        wrong.extend(told(&words, answer, secrets));
        if !same(answer, control) {
            wrong.push(format!("{words}, but of what does not exist {}", shortened(&control.body)));
        }
        let refusals = refusals(row.root, &answer.body);
        match one.finds {
            Finds::Own => as_expected |= finds(row.root, &answer.body) && refusals.is_empty(),
            Finds::Nothing if finds(row.root, &answer.body) => wrong.push(format!("{words}: that is not nothing")),
            Finds::Nothing => as_expected |= refusals.is_empty(),
            Finds::Refusal(_) if refusals.is_empty() => wrong.push(format!("{words}: it is not refused")),
            Finds::Refusal(code) => as_expected |= refusals == [code],
        }
    }
    if !as_expected {
        let last = answers.last().map(|(who, answer)| in_words(*who, row, one, &answer.body)).unwrap_or_default();
        wrong.push(format!("nobody finds {:?}, but {last}", one.finds));
    }
    wrong
}

/// The codes of what was refused, as an error or as data.
pub fn refusals(root: &str, body: &Value) -> Vec<String> {
    let errors = body["errors"].as_array().into_iter().flatten().map(|error| &error["extensions"]["code"]);
    let payload = &body["data"][schema::name(root)];
    let user_errors = payload["userErrors"].as_array().into_iter().flatten().map(|error| &error["code"]);
    errors.chain(user_errors).map(|code| code.as_str().unwrap_or("no code").to_owned()).collect()
}

/// Whether there is something: by a query a thing, or a row; by a mutation something that it was done to, or else whatever it was
/// that it could be refused for.
pub fn finds(root: &str, body: &Value) -> bool {
    let affected = &body["data"][schema::name(root)]["affectedCount"];
    if let Some(affected) = affected.as_i64() {
        return affected > 0;
    }
    if root.starts_with("Mutation") {
        return body["errors"].is_null()
            && refusals(root, body).iter().all(|code| !["NOT_FOUND", "FORBIDDEN"].contains(&code.as_str()));
    }
    let found = &body["data"][schema::name(root)];
    let rows = ["nodes", "events"].iter().find_map(|list| found[list].as_array());
    rows.map_or(!found.is_null(), |rows| !rows.is_empty())
}
