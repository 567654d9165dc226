//! A transaction that somebody has left open, anywhere in the PostgreSQL cluster, holds back everybody's events. The server says
//! so, goes on serving everything else, and tells the operator whom to end.

use futures_util::future::join;
use reqwest::Client as Http;
use serde_json::{Value, json};
use tokio_postgres::NoTls;

use crate::support::{
    client::Client,
    database::temporary_folder,
    postgres::{Cluster, Database, available},
    program::Program,
    wire::{eventually, http},
};

/// Somebody who leaves a transaction open, and how it is ended.
struct Culprit {
    user: &'static str,
    /// What the log must name.
    named: Vec<&'static str>,
    begin: &'static str,
    /// With `{pid}`: its session.
    end: &'static str,
}

/// What `/readyz` says: its status, and whether it is ready and degraded.
async fn readiness(http: &Http, url: &str) -> (u16, Value, Value) {
    let reply = http.get(format!("{url}/readyz")).send().await.expect("the server answers");
    let status = reply.status().as_u16();
    let body: Value = reply.json().await.expect("JSON");
    let late = body["checks"].as_array().is_some_and(|checks| {
        checks.iter().any(|check| check["name"] == "events" && check["ok"] == false && check["detail"].is_string())
    });
    assert_eq!(late, body["degraded"] == true, "{body:#}");
    (status, body["ready"].clone(), body["degraded"].clone())
}

async fn age(http: &Http, url: &str) -> f64 {
    let text = http.get(format!("{url}/metrics")).send().await.expect("the server answers").text().await.expect("text");
    let age = text.lines().find_map(|line| line.strip_prefix("leadcast_watermark_age_seconds "));
    age.expect("the series is there").parse().expect("a number")
}

async fn session(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// With a token that dev mode hands out.
async fn admin(http: &Http, url: &str) -> Client {
    let tokens = http.get(format!("{url}/dev/tokens")).send().await.expect("the server answers");
    let tokens: Vec<Value> = tokens.json().await.expect("a list");
    let admin = tokens.iter().find(|token| token["user"] == "admin").expect("an admin");
    Client::new(format!("{url}/graphql"), admin["token"].as_str().map(str::to_owned))
}

fn name_of(database: &Database) -> String {
    database.url().rsplit('/').next().expect("a name").to_owned()
}

/// It does so before it listens.
async fn a_node_that_waits_can_be_told_to_end(database: &Database) {
    let folder = temporary_folder();
    let variables = [("DATABASE_URL", &*database.url())];
    let mut late = Program::start(folder.path(), &["--listen", "127.0.0.1:0"], &variables);
    late.logged("events are held back").await;
    late.signal("TERM");
    let late = late.end().await;
    assert_eq!((late.code, late.stdout.as_str()), (Some(0), ""), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_back_the_events_is_named() {
    if !available() {
        return;
    }
    let cluster = Cluster::with_prepared_transactions().await;
    let (database, elsewhere) = (cluster.database().await, cluster.database().await);
    let operator = session(&database.url()).await;
    operator.batch_execute("CREATE ROLE reporter LOGIN").await.expect("a role");
    let folder = temporary_folder();
    let (mut server, url) = Program::serve(folder.path(), &[("DATABASE_URL", &database.url())]).await;
    let (http, healthy, degraded) = (http(), (200, json!(true), json!(false)), (200, json!(true), json!(true)));
    let admin = admin(&http, &url).await;
    let end = "SELECT pg_terminate_backend({pid})";
    let culprits = [
        // Of another database and another user.
        Culprit {
            user: "reporter",
            named: vec![
                "user=\"reporter\"",
                "application=\"nightly report\"",
                "idle in transaction",
                "pg_terminate_backend({pid})",
            ],
            begin: "SET application_name = 'nightly report'; BEGIN; SELECT pg_current_xact_id()",
            end,
        },
        Culprit {
            user: "postgres",
            named: vec!["gid=\"transfer 17\"", "user=\"postgres\"", "ROLLBACK PREPARED 'transfer 17'"],
            begin: "BEGIN; SELECT pg_current_xact_id(); PREPARE TRANSACTION 'transfer 17'",
            end: "",
        },
    ];
    for (n, culprit) in culprits.into_iter().enumerate() {
        let session = session(&elsewhere.url().replace("//postgres@", &format!("//{}@", culprit.user))).await;
        let pid: i32 = session.query_one("SELECT pg_backend_pid()", &[]).await.expect("a session").get(0);
        session.batch_execute(culprit.begin).await.expect("a transaction");
        // Nothing has happened yet that could be held back.
        assert_eq!(readiness(&http, &url).await, healthy);
        let top_up = "mutation($reference: String!) { topUpWallet(input: { ownerId: \"pat\", amount: 1, reference: $reference }) {
            wallet { balance } userErrors { code } } }";
        let balance =
            |answer: crate::support::client::Answer| answer.field("topUpWallet")["wallet"]["balance"].as_i64();
        let paid = balance(admin.query(top_up, json!({ "reference": format!("held {n}") })).await);

        let (line, ()) =
            join(server.logged("events are held back"), a_node_that_waits_can_be_told_to_end(&database)).await;
        for named in culprit.named {
            let named = named.replace("{pid}", &pid.to_string());
            assert!(line.contains(&named), "{named} is not in {line}");
        }
        assert!(line.contains("WARN") && line.contains(&name_of(&elsewhere)), "{line}");
        assert_eq!(readiness(&http, &url).await, degraded);
        assert!(age(&http, &url).await >= 5.0);
        // Everything else goes on.
        let again = balance(admin.query(top_up, json!({ "reference": format!("held {n} again") })).await);
        assert_eq!(again, paid.map(|paid| paid + 1));

        match culprit.end {
            "" => session.batch_execute("ROLLBACK PREPARED 'transfer 17'").await.expect("it is prepared"),
            end => operator.batch_execute(&end.replace("{pid}", &pid.to_string())).await.expect("it can be ended"),
        }
        server.logged("events go on").await;
        eventually("the server to be well again", async || readiness(&http, &url).await == healthy).await;
        assert!(age(&http, &url).await < 5.0);
    }
    server.signal("TERM");
    let log = server.end().await.stderr;
    assert!(!log.contains("are held back"), "once a minute is enough: {log}");
}
