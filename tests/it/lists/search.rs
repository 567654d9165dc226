//! Search: every word is found in the title or the description, whatever its case, and both engines find the same.

use serde_json::{Value, json};

use crate::support::{Engine, TestServer, api::PAT, both_engines};

both_engines!(what_is_found);

const TITLES: [&str; 16] = [
    "Straße pflastern",
    "STRASSE asphaltieren",
    "İstanbul mutfağı",
    "ISTANBUL kitchen",
    "Café Élysée",
    "CAFE at home",
    "Ｆｕｌｌ ｗｉｄｔｈ",
    "100% wool",
    "100 wool",
    "snake_case",
    "snakeXcase",
    "back\\slash",
    "ΟΔΟΣ ΕΡΜΟΥ",
    "Οδοσήμανση",
    "ﬁne ² wires",
    "Ärger mit Öl",
];

#[rustfmt::skip]
const SEARCHES: [(&str, &[&str]); 45] = [
    ("straße",          &["Straße pflastern", "STRASSE asphaltieren"]),
    ("STRASSE",         &["Straße pflastern", "STRASSE asphaltieren"]),
    ("STRAẞE",          &["Straße pflastern", "STRASSE asphaltieren"]),
    ("istanbul",        &["ISTANBUL kitchen"]),
    ("İSTANBUL",        &["İstanbul mutfağı"]),
    ("i\u{307}stanbul", &["İstanbul mutfağı"]),
    ("stanbul",         &["İstanbul mutfağı", "ISTANBUL kitchen"]),
    ("MUTFAĞI",         &["İstanbul mutfağı"]),
    ("café",            &["Café Élysée"]),
    ("CAFÉ",            &["Café Élysée"]),
    ("cafe\u{301}",     &["Café Élysée"]),
    ("cafe",            &["CAFE at home"]),
    ("ÉLYSÉE",          &["Café Élysée"]),
    ("lys",             &["Café Élysée"]),
    ("full",            &["Ｆｕｌｌ ｗｉｄｔｈ"]),
    ("FULL WIDTH",      &["Ｆｕｌｌ ｗｉｄｔｈ"]),
    ("ｆｕｌｌ\u{3000}ｗｉｄｔｈ", &["Ｆｕｌｌ ｗｉｄｔｈ"]),
    ("%",               &["100% wool"]),
    ("100%",            &["100% wool"]),
    ("１００％",        &["100% wool"]),
    ("100",             &["100% wool", "100 wool"]),
    ("1%0",             &[]),
    ("_",               &["snake_case"]),
    ("snake_case",      &["snake_case"]),
    ("SNAKE",           &["snake_case", "snakeXcase"]),
    ("\\",              &["back\\slash"]),
    ("back\\slash",     &["back\\slash"]),
    ("\\%",             &[]),
    ("\\\\",            &[]),
    ("backslash",       &[]),
    ("wool 100",        &["100% wool", "100 wool"]),
    ("wool  100%",      &["100% wool"]),
    ("οδος",            &["ΟΔΟΣ ΕΡΜΟΥ", "Οδοσήμανση"]),
    ("οδοσ",            &["ΟΔΟΣ ΕΡΜΟΥ", "Οδοσήμανση"]),
    ("ΟΔΟΣ",            &["ΟΔΟΣ ΕΡΜΟΥ", "Οδοσήμανση"]),
    ("ΟΔΟΣΉ",           &["Οδοσήμανση"]),
    ("οδος ερμου",      &["ΟΔΟΣ ΕΡΜΟΥ"]),
    ("fine",            &["ﬁne ² wires"]),
    ("ﬁ 2",             &["ﬁne ² wires"]),
    ("ärger öl",        &["Ärger mit Öl"]),
    ("a\u{308}rger",    &["Ärger mit Öl"]),
    ("arger",           &[]),
    // In the description of each.
    ("COMMON words",    &TITLES),
    ("common Café",     &["Café Élysée"]),
    ("nowhere common",  &[]),
];

async fn what_is_found(engine: Engine) {
    let server = TestServer::start(engine).await;
    for title in TITLES {
        server.open(json!({ "title": title, "description": "Some common Words" })).await;
    }
    let mut wrong = Vec::new();
    for (search, expected) in SEARCHES {
        let document = "query($search: String) { leads(first: 100, filter: { search: $search }) { nodes { title } } }";
        let answer = server.ask(PAT, document, json!({ "search": search })).await;
        let nodes = answer.field("leads")["nodes"].as_array().expect("a list");
        // Newest first, and the first title is the oldest.
        let found: Vec<_> = nodes.iter().rev().map(|lead| &lead["title"]).cloned().collect();
        let expected: Vec<Value> = expected.iter().map(|title| json!(title)).collect();
        if found != expected {
            wrong.push(format!("{search:?} finds {found:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
