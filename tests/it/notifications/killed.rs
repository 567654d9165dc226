//! A server that is killed while it tells a thousand providers of a lead: each of them is told once all the same, whoever goes on.

use leadcast::{app::App, clock::Clock, config::Settings, db::Target};
use serde_json::json;

use crate::support::{
    Engine,
    api::lead_input,
    api::with,
    both_engines,
    client::Client,
    database::{Database, temporary_folder},
    program::{Program, SECRET},
    sql::Sql,
    wire::eventually,
};

both_engines!(killed_in_the_middle_each_provider_is_told_once);

/// Of each tenant.
const PROVIDERS: usize = 1_000;
/// So often it has to be killed in the middle; now and then it is too late for that.
const KILLS: usize = 3;
const TRIES: usize = 12;

/// Copies of a provider whom the leads fit, in both tenants.
const CROWD: [&str; 3] = [
    "INSERT INTO users (tenant_id, id, name, role, tokens_valid_from, search_text, created_at)
        SELECT tenant_id, 'crowd-' || n, name, role, tokens_valid_from, search_text, created_at FROM users, numbers WHERE id = 'pat'",
    "INSERT INTO provider_profiles (tenant_id, provider_id, version, categories, service_areas, updated_at)
        SELECT tenant_id, 'crowd-' || n, version, categories, service_areas, updated_at FROM provider_profiles, numbers
        WHERE provider_id = 'pat'",
    "INSERT INTO provider_categories (tenant_id, category, provider_id)
        SELECT tenant_id, category, 'crowd-' || n FROM provider_categories, numbers WHERE provider_id = 'pat'",
];

async fn killed_in_the_middle_each_provider_is_told_once(engine: Engine) {
    let database = Database::fresh(engine).await;
    let (folder, sql) = (temporary_folder(), Sql::open(&database.target()).await);
    let mut settings = Settings::defaults();
    settings.data = folder.path().to_owned();
    settings.database_url = Some(database.target());
    let app = App::new(settings, Clock::default()).await.expect("the database answers");
    leadcast::dev::seed(&app).await.expect("the demo tenants can be made");
    drop(app);
    let url = match database.target() {
        Target::Sqlite(path) => format!("sqlite://{}", path.display()),
        Target::Postgres(url) => url,
    };
    let variables = [("DATABASE_URL", &*url), ("LEADCAST_JWT_SECRET", SECRET)];
    let admins = async |address: &str| {
        let mut admins = Vec::new();
        for tenant in ["demo", "rival"] {
            let arguments = ["token", "--tenant", tenant, "--user", "admin", "--role", "admin"];
            let token = Program::run(folder.path(), &arguments, &variables).await;
            admins.push(Client::new(format!("{address}/graphql"), Some(token.stdout.trim().to_owned())));
        }
        admins
    };
    let (mut program, address) = Program::serve(folder.path(), &variables).await;
    for admin in admins(&address).await {
        let wants = "mutation { updateProviderProfile(input: { providerId: \"pat\", categories: [\"Electrical\"] }) {
            userErrors { message } } }";
        assert_eq!(admin.query(wants, json!({})).await.field("updateProviderProfile")["userErrors"], json!([]));
    }
    for statement in CROWD {
        let numbers = format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {PROVIDERS})"
        );
        sql.run(&format!("{} {numbers} SELECT {}", parts(statement).0, parts(statement).1)).await.expect("a crowd");
    }

    let (mut kills, mut address) = (0, address);
    for _ in 0..TRIES {
        let lead = open(&admins(&address).await[0]).await;
        let of_lead = if sql.is_sqlite() { "lower(hex(lead_id))" } else { "replace(CAST(lead_id AS text), '-', '')" };
        let count = |what: &str| format!("SELECT count({what}) FROM notifications WHERE {of_lead} = '{lead}'");
        let all = (PROVIDERS + 1).to_string();
        eventually("the first to be told", async || sql.text(&count("*")).await != "0").await;
        program.kill();
        program.end().await;
        kills += usize::from(sql.text(&count("*")).await != all);

        (program, address) = Program::serve(folder.path(), &variables).await;
        sql.all_is_told().await;
        assert_eq!(sql.text(&count("*")).await, all, "so many are told");
        assert_eq!(sql.text(&count("DISTINCT recipient_id")).await, all, "each once");
        let tenants = format!("SELECT count(DISTINCT tenant_id) FROM notifications WHERE {of_lead} = '{lead}'");
        assert_eq!(sql.text(&tenants).await, "1", "and nobody of the other tenant");
        if kills == KILLS {
            break;
        }
    }
    assert_eq!(kills, KILLS, "it was never killed in the middle");
    let wrong = "SELECT count(*) FROM unread_counts u WHERE unread <> (SELECT count(*) FROM notifications n
        WHERE n.tenant_id = u.tenant_id AND n.recipient_id = u.user_id AND n.folder = 'INBOX' AND n.unread)";
    assert_eq!(sql.text(wrong).await, "0", "what is unread is counted");
    drop(program);
}

/// Opens a lead that fits; its id without dashes.
async fn open(admin: &Client) -> String {
    let post =
        "mutation($input: CreateLeadInput!) { createLead(input: $input) { lead { id } userErrors { message } } }";
    let reference = uuid::Uuid::now_v7().to_string();
    let terms = json!({ "customerId": "casey", "category": "Electrical", "reference": reference,
        "contact": { "name": "Casey", "email": format!("{reference}@example.com") } });
    let input = json!({ "input": with(lead_input(), terms) });
    let id = admin.query(post, input).await.field("createLead")["lead"]["id"].clone();
    let verify = "mutation($id: ID!) { verifyLead(input: { id: $id }) { lead { status } userErrors { message } } }";
    let opened = admin.query(verify, json!({ "id": id })).await;
    assert_eq!(opened.field("verifyLead")["lead"]["status"], "OPEN", "{opened}");
    id.as_str().expect("an id").replace('-', "")
}

/// What stands before the first SELECT, and after it.
fn parts(statement: &str) -> (&str, &str) {
    statement.split_once("SELECT ").expect("it selects")
}
