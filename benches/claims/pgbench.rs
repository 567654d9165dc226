//! The same SQL in pgbench, PostgreSQL's own: prepared, one statement after the other, without row level security.

use std::{process::Command, time::Duration};

use crate::{
    statements as sql,
    support::postgres,
    world::{Market, PRICE, World},
};

/// Claims per second.
pub async fn run(world: &World, market: &Market, connections: usize, time: Duration) -> f64 {
    let script = world.folder().join("claim.sql");
    std::fs::write(&script, text(market, connections)).expect("a file can be written");
    let beside = postgres::binaries().expect("it runs already").join("pgbench");
    let mut command = Command::new(if beside.is_file() { beside } else { "pgbench".into() });
    command.args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--define=n=0"]);
    command.arg(format!("--client={connections}")).arg(format!("--time={}", time.as_secs()));
    command.arg("--file").arg(&script).arg(world.connection_string());
    let output = tokio::task::block_in_place(|| command.output()).expect("pgbench is installed with PostgreSQL");
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("number of failed transactions: 0"), "{said}{complaints}");
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    tps.unwrap_or_else(|| panic!("no figure: {said}{complaints}"))
}

/// Each client counts in `n`, so that no pair is claimed twice.
fn text(market: &Market, connections: usize) -> String {
    let (providers, leads) = (market.shape.providers(), market.shape.leads());
    let id = |kind: char, number: &str| {
        format!("('{kind}{}' || lpad(to_hex(({number})::bigint), 12, '0'))::uuid", &market.prefix[1..])
    };
    let named = |text: &str| {
        // Longer names first: `:lead` begins `:lead_version`.
        [
            ("lead_version", ":lead_version::integer + 1".to_owned()),
            ("claim_count", ":claim_count::integer + 1".to_owned()),
            ("old_balance", ":balance::bigint".to_owned()),
            ("old_version", ":version::integer".to_owned()),
            ("kinds", "ARRAY['LEAD_CLAIMED', 'BALANCE_UPDATED']".to_owned()),
            ("payloads", format!("ARRAY['{}', '{}']", plain(sql::CLAIMED), plain(sql::MOVED))),
            ("users", "ARRAY['p' || (:p)::text]".to_owned()),
            ("places", "ARRAY[2::bigint]".to_owned()),
            ("tenant", format!("'{}'::uuid", market.tenant)),
            ("provider", "('p' || (:p)::text)".to_owned()),
            ("wallet", ":wallet::uuid".to_owned()),
            ("balance", format!("(:balance::bigint - {PRICE})")),
            ("version", "(:version::integer + 1)".to_owned()),
            ("claim", id('c', ":i")),
            ("entry", id('e', ":i")),
            ("lead", format!("('{}' || lpad(to_hex((:l)::bigint), 12, '0'))::uuid", market.prefix)),
            ("now", "now()".to_owned()),
        ]
        .into_iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(&format!(":{name}"), &value.replace(':', "\u{1}")))
        .replace('\u{1}', ":")
    };
    let lock_lead = named(sql::LOCK_LEAD).replace("SELECT id, version,", "SELECT id, version AS lead_version,");
    let lock_wallet = named(sql::LOCK_WALLET).replace("SELECT id,", "SELECT id AS wallet,");
    let writes =
        [sql::CLAIM, sql::BALANCE, sql::ENTRY, sql::PLACES, sql::EVENTS].map(|text| named(text) + ";\n").concat();
    format!(
        "\\set i :client_id + :n * {connections}\n\\set n :n + 1\n\\set p :i % {providers}\n\
         \\set l (:p + :i / {providers}) % {leads}\nBEGIN;\n{lock_lead} \\gset\n{};\n{lock_wallet} \\gset\n{writes}COMMIT;\n",
        named(sql::OWN_CLAIM),
    )
}

/// pgbench takes `:3` for a variable, even in a text.
fn plain(json: &str) -> String {
    json.replace(':', ": ")
}
