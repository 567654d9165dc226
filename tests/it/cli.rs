//! The command line: what the program prints, what it refuses, and how it ends.

mod backups;
mod serving;

use tokio_postgres::NoTls;

use crate::support::{
    database::temporary_folder,
    postgres::{Cluster, available},
    program::{Ended, Program, SECRET},
};

#[track_caller]
fn succeeded(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// Refused with a word on why; and neither a panic nor a dump of Rust.
#[track_caller]
fn failed(ended: &Ended, why: &str) {
    assert!(matches!(ended.code, Some(1 | 2)), "{ended:?}");
    assert!(ended.stderr.contains(why), "{why:?} is not in {ended:?}");
    assert!(!ended.stderr.contains("panic"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_the_exported_one() {
    let folder = temporary_folder();
    let ended = Program::run(folder.path(), &["schema"], &[]).await;
    succeeded(&ended);
    let exported = include_str!("../../schema.graphql");
    assert!(ended.stdout == exported, "renew it: cargo run -- schema > schema.graphql");
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 0, "it needs no database");
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_twice_does_nothing_the_second_time() {
    let folder = temporary_folder();
    for (applies, data) in [(true, "here"), (false, "here"), (true, "there")] {
        let ended = Program::run(folder.path(), &["migrate", "--data", data], &[]).await;
        succeeded(&ended);
        assert_eq!(ended.stdout.contains("applied "), applies, "{ended:?}");
        assert!(ended.stdout.contains("is up to date"), "{ended:?}");
        assert!(folder.path().join(data).join("leadcast.db").is_file());
    }
}

/// Two nodes that start at the same time on an empty database.
#[tokio::test(flavor = "multi_thread")]
async fn two_may_migrate_at_once() {
    let folder = temporary_folder();
    let sqlite = format!("sqlite://{}", folder.path().join("both.db").display());
    migrate_at_once(&sqlite).await;
    if !available() {
        return;
    }
    let cluster = Cluster::shared().await;
    let database = cluster.database().await;
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client.batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.expect("an empty database");
    migrate_at_once(&database.url()).await;
}

/// What is not leadcast's is left alone; what could not hold what clients write is refused before they do.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_will_not_do_is_refused() {
    let folder = temporary_folder();
    let foreign = folder.path().join("foreign.db");
    std::fs::write(folder.path().join("half.db"), "SQLite format 3\0").expect("a file");
    let mut conn = <diesel::SqliteConnection as diesel::Connection>::establish(foreign.to_str().expect("UTF-8"))
        .expect("a file of another program");
    diesel::connection::SimpleConnection::batch_execute(&mut conn, "CREATE TABLE t (n int)").expect("its table");
    let migrate = async |url: &str| Program::run(folder.path(), &["migrate"], &[("DATABASE_URL", url)]).await;
    let before = std::fs::read(&foreign).expect("a file");
    failed(&migrate(&format!("sqlite://{}", foreign.display())).await, "not one of leadcast");
    assert_eq!(std::fs::read(&foreign).expect("a file"), before, "it is left as it was");
    assert!(!folder.path().join("foreign.db.migration-lock").exists(), "nothing is put beside it");
    failed(&migrate(&format!("sqlite://{}", folder.path().display())).await, "it is no file");
    failed(&migrate(&format!("sqlite://{}", folder.path().join("half.db").display())).await, "cannot use the database");
    failed(&migrate("postgres://leadcast:p@ss/w@db/leadcast").await, "in a password, @ is written %40");
    if available() {
        let cluster = Cluster::shared().await;
        cluster.execute("CREATE DATABASE narrow ENCODING 'LATIN1' TEMPLATE template0").await;
        failed(&migrate(&cluster.url_as("postgres", "narrow")).await, "its encoding is LATIN1");
        cluster.execute("CREATE DATABASE shop").await;
        let (shop, connection) =
            tokio_postgres::connect(&cluster.url_as("postgres", "shop"), NoTls).await.expect("a connection");
        tokio::spawn(connection);
        // Empty, it is no database of leadcast's yet, and is not made one by the way.
        let environment = [("DATABASE_URL", &*cluster.url_as("postgres", "shop"))];
        failed(&Program::run(folder.path(), &["epoch"], &environment).await, "there is no database of leadcast");
        shop.batch_execute("CREATE TABLE orders (id int)").await.expect("a table");
        failed(&migrate(&cluster.url_as("postgres", "shop")).await, "not those of leadcast");
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
        let tables: i64 = shop.query_one(tables, &[]).await.expect("a count").get(0);
        assert_eq!(tables, 1, "it is left as it was");
    }
}

async fn migrate_at_once(url: &str) {
    let folder = temporary_folder();
    let environment = [("DATABASE_URL", url)];
    let programs = [(); 3].map(|()| Program::start(folder.path(), &["migrate"], &environment));
    let mut applied = Vec::new();
    for program in programs {
        let ended = program.end().await;
        succeeded(&ended);
        applied.extend(ended.stdout.lines().filter(|line| line.starts_with("applied ")).map(str::to_owned));
    }
    let mut once = applied.clone();
    once.sort_unstable();
    once.dedup();
    assert!(!applied.is_empty() && once.len() == applied.len(), "each migration is applied once: {applied:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_made_once() {
    let folder = temporary_folder();
    let create = async |slug: &str, name: &str| {
        Program::run(folder.path(), &["tenant", "create", slug, "--name", name], &[]).await
    };
    let made = create("acme", "Acme Leads").await;
    succeeded(&made);
    assert_eq!(made.stdout, "made the tenant acme\n");
    failed(&create("acme", "Another").await, "acme");
    for (slug, name) in
        [("", "Acme"), ("Acme", "Acme"), ("a b", "Acme"), ("a/b", "Acme"), ("-", "Acme"), ("ok", ""), ("ok", " ")]
    {
        failed(&create(slug, name).await, "leadcast: ");
    }
    failed(&create(&"a".repeat(1_000), "Acme").await, "leadcast: ");
    failed(&Program::run(folder.path(), &["tenant", "create", "acme"], &[]).await, "--name");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_for_a_tenant_that_is_there() {
    let folder = temporary_folder();
    let token = async |arguments: &[&str]| Program::run(folder.path(), &[&["token"], arguments].concat(), &[]).await;
    succeeded(&Program::run(folder.path(), &["migrate"], &[]).await);
    let ended = token(&["--tenant", "acme", "--user", "boss", "--role", "ADMIN"]).await;
    failed(&ended, "leadcast tenant create acme");
    assert_eq!(ended.stdout, "");
    succeeded(&Program::run(folder.path(), &["tenant", "create", "acme", "--name", "Acme"], &[]).await);
    for (user, role, ttl, why) in [
        ("boss", "KING", "1h", "--role"),
        ("", "ADMIN", "1h", "--user"),
        ("boss\n", "ADMIN", "1h", "--user"),
        ("boss", "ADMIN", "0s", "--ttl"),
        ("boss", "ADMIN", "-1h", "--ttl"),
        ("boss", "ADMIN", "soon", "--ttl"),
    ] {
        let ttl = format!("--ttl={ttl}");
        let ended = token(&["--tenant", "acme", "--user", user, "--role", role, &ttl]).await;
        failed(&ended, why);
        assert_eq!(ended.stdout, "");
    }
}

/// By the name that it was given under, so that whoever set it knows where to look.
/// E-mails need both.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_without_a_sender_is_refused() {
    let folder = temporary_folder();
    let (server, sender) =
        (("LEADCAST_SMTP_URL", "smtp://127.0.0.1:1"), ("LEADCAST_MAIL_FROM", "Leads <leads@example.com>"));
    for (given, missing) in [(server, sender), (sender, server)] {
        let ended = Program::run(folder.path(), &["--listen", "127.0.0.1:0"], &[given]).await;
        failed(&ended, &format!("{} is set and {} is not", given.0, missing.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_setting_is_named() {
    let folder = temporary_folder();
    for (variable, flag, value) in [
        ("LEADCAST_LISTEN", "--listen", "nowhere"),
        ("LEADCAST_LISTEN", "--listen", "localhost:99999"),
        ("DATABASE_URL", "--database-url", "mysql://user:hunter2@host/name"),
        ("DATABASE_URL", "--database-url", "postgres://user:hunter2@host:port/name"),
        ("DATABASE_URL", "--database-url", "sqlite://"),
        ("DATABASE_URL", "--database-url", "sqlite://file:leads.db?mode=rwc"),
        ("DATABASE_URL", "--database-url", "sqlite://:memory:"),
        ("LEADCAST_DATABASE_CONNECTIONS", "--database-connections", "0"),
        ("LEADCAST_DATABASE_CONNECTIONS", "--database-connections", "18446744073709551615"),
        ("LEADCAST_JWT_SECRET", "--jwt-secret", "hunter2"),
        ("LEADCAST_ALLOWED_ORIGINS", "--allowed-origins", "https://app.example.com/path"),
        ("LEADCAST_ALLOWED_ORIGINS", "--allowed-origins", "https://app.example.com,*"),
        ("LEADCAST_EVENT_RETENTION", "--event-retention", "a week"),
        ("LEADCAST_EVENT_RETENTION", "--event-retention", "0d"),
        ("LEADCAST_NOTIFICATION_RETENTION", "--notification-retention", "ever"),
        ("LEADCAST_NOTIFICATION_RETENTION", "--notification-retention", "71h"),
        ("LEADCAST_DELIVERY_RETENTION", "--delivery-retention", "ever"),
        ("LEADCAST_SMTP_URL", "--smtp-url", "mail.example.com"),
        ("LEADCAST_SMTP_URL", "--smtp-url", "http://user:hunter2@mail.example.com"),
        ("LEADCAST_SMTP_URL", "--smtp-url", "smtp://user:hunter2@mail.example.com?tls=perhaps"),
        ("LEADCAST_SMTP_URL", "--smtp-url", "smtp://user:hunter2@mail.example.com?ssl=required"),
        ("LEADCAST_SMTP_URL", "--smtp-url", "smtp://user:hunter2@mail.example.com/inbox?tls=required"),
        ("LEADCAST_SMTP_URL", "--smtp-url", "smtp://user:hunter2@mail.example.com?tls=required&tls=none"),
        ("LEADCAST_SMTP_URL", "--smtp-url", "smtps://user:hunter2@mail.example.com?tls=none"),
        ("LEADCAST_SMTP_URL", "--smtp-url", "smtps://user:hunter2@mail.example.com:0"),
        ("LEADCAST_MAIL_FROM", "--mail-from", "Leads"),
        ("LEADCAST_DRAIN_DELAY", "--drain-delay", "a while"),
        ("LEADCAST_DRAIN_DELAY", "--drain-delay", "1h"),
        ("LEADCAST_OTLP_ENDPOINT", "--otlp-endpoint", "collector:4318"),
        ("LEADCAST_OTLP_ENDPOINT", "--otlp-endpoint", "https://collector.example"),
        ("LEADCAST_OTLP_ENDPOINT", "--otlp-endpoint", "http://collector.example/v1/traces"),
        ("LEADCAST_MAX_COST", "--max-cost", "0"),
        ("LEADCAST_MAX_CONNECTIONS", "--max-connections", "0"),
        ("LEADCAST_RATE_PER_USER", "--rate-per-user", "many"),
        ("LEADCAST_LOG_FORMAT", "--log-format", "xml"),
        ("LEADCAST_LOG", "--log", "leadcast=loud"),
        ("LEADCAST_LOG", "--log", "inof"),
        ("LEADCAST_LOG", "--log", ""),
    ] {
        let by_variable = Program::run(folder.path(), &["migrate"], &[(variable, value)]).await;
        let by_flag = Program::run(folder.path(), &["migrate", &format!("{flag}={value}")], &[]).await;
        failed(&by_variable, variable);
        failed(&by_flag, flag);
        for ended in [by_variable, by_flag] {
            assert!(!ended.stderr.contains("hunter2"), "secrets are not for logs: {ended:?}");
        }
    }
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 0, "nothing was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_trusted_documents_are_named_before_anything_is_begun() {
    let (folder, documents) = (temporary_folder(), temporary_folder());
    std::fs::write(documents.path().join("a.graphql"), "{ nothing }").expect("a file");
    for (given, named) in [(documents.path().display().to_string(), "a.graphql"), ("/nowhere".to_owned(), "/nowhere")] {
        let arguments = ["--listen", "127.0.0.1:0"];
        let ended = Program::run(folder.path(), &arguments, &[("LEADCAST_TRUSTED_DOCUMENTS", given.as_str())]).await;
        failed(&ended, "LEADCAST_TRUSTED_DOCUMENTS");
        assert!(ended.stderr.contains(named) && !ended.stderr.contains("DATABASE_URL"), "{ended:?}");
    }
}

/// Whoever mistypes the folder would otherwise be told of success in a new database.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_of_no_use_in_a_new_database_makes_none() {
    let folder = temporary_folder();
    for command in [&["epoch"][..], &["token", "--tenant=demo", "--user=pat", "--role=provider"]] {
        let ended = Program::run(folder.path(), command, &[]).await;
        failed(&ended, "LEADCAST_DATA");
        assert!(ended.stderr.contains("leadcast.db"), "{ended:?}");
    }
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 0, "nothing was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_variable_is_a_warning() {
    let folder = temporary_folder();
    let ended =
        Program::run(folder.path(), &["migrate"], &[("LEADCAST_LISTN", "127.0.0.1:1"), ("LEADCAST", "x")]).await;
    succeeded(&ended);
    let warnings: Vec<_> = ended.stderr.lines().filter(|line| line.contains("WARN")).collect();
    assert!(matches!(warnings[..], [one] if one.contains("LEADCAST_LISTN")), "{ended:?}");
    let json = [("LEADCAST_LISTN", "x"), ("LEADCAST_LOG_FORMAT", "json")];
    let ended = Program::run(folder.path(), &["migrate"], &json).await;
    let lines = ended.stderr.lines().map(serde_json::from_str::<serde_json::Value>);
    let lines: Vec<_> = lines.collect::<Result<_, _>>().expect("a JSON object a line");
    assert_eq!(lines[0]["level"], "WARN", "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_only_this_machine_is_served() {
    let folder = temporary_folder();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let ended = Program::run(folder.path(), &[], &[("LEADCAST_LISTEN", address)]).await;
        failed(&ended, "LEADCAST_JWT_SECRET");
        assert!(ended.stderr.contains("LEADCAST_LISTEN"), "{ended:?}");
    }
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 0, "nothing was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_named_without_its_password() {
    let folder = temporary_folder();
    let url = "postgres://user:hunter2@127.0.0.1:1/leads";
    for arguments in
        [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"], &["tenant", "create", "a", "--name", "A"]]
    {
        let ended =
            Program::run(folder.path(), arguments, &[("DATABASE_URL", url), ("LEADCAST_JWT_SECRET", SECRET)]).await;
        failed(&ended, "DATABASE_URL");
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    }
}
