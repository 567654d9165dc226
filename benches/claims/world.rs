//! A database with a leadcast in front of it, and markets in which nothing has been claimed yet.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use leadcast::{db::Target, users::Role};
use uuid::Uuid;

use crate::support::{self, Engine, Ground, SECRET};

/// Who claims what.
#[derive(strum::Display, Clone, Copy, PartialEq, Eq, Debug)]
#[strum(serialize_all = "lowercase")]
pub enum Shape {
    /// Some providers, all over many leads.
    Spread,
    /// Many providers, all at one lead.
    Hot,
}

impl Shape {
    pub const fn providers(self) -> u64 {
        match self {
            Self::Spread => 64,
            Self::Hot => 40_000,
        }
    }

    pub const fn leads(self) -> u64 {
        match self {
            Self::Spread => 1_000,
            Self::Hot => 1,
        }
    }
}

/// What a claim costs.
pub const PRICE: i64 = 5;
const BALANCE: i64 = 1_000_000_000;

pub struct World {
    pub engine: Engine,
    /// Of leadcast.
    pub address: String,
    pub target: Target,
    server: Child,
    /// Kept open: the server has more to say than where it listens.
    _said: BufReader<ChildStdout>,
    ground: Ground,
}

/// A tenant with providers and leads. The pair of a number is claimed by whoever draws that number.
pub struct Market {
    pub shape: Shape,
    pub tenant: Uuid,
    pub slug: String,
    /// The first ten bytes of a lead's id.
    pub prefix: String,
}

impl Market {
    /// The number's lead and provider. Neighbouring numbers share neither, where there are several.
    pub fn pair(&self, number: u64) -> Option<(Uuid, String)> {
        let (providers, leads) = (self.shape.providers(), self.shape.leads());
        let (provider, round) = (number % providers, number / providers);
        let lead = (provider + round) % leads;
        (round < leads).then(|| (self.lead(lead), format!("p{provider}")))
    }

    pub fn token(&self, provider: &str) -> String {
        support::token(&self.slug, provider, Role::Provider)
    }

    fn lead(&self, number: u64) -> Uuid {
        Uuid::parse_str(&format!("{}{number:012x}", self.prefix)).expect("20 and 12 digits")
    }
}

impl World {
    pub async fn open(engine: Engine) -> Self {
        let ground = Ground::open(engine).await;
        let target = ground.target.clone();
        let (server, said, address) = serve(ground.folder(), &target);
        Self { engine, address, target, server, _said: said, ground }
    }

    pub fn folder(&self) -> &Path {
        self.ground.folder()
    }

    /// How pgbench finds the database: a connection string.
    pub fn connection_string(&self) -> &str {
        let Target::Postgres(url) = &self.target else { unreachable!("this is about PostgreSQL") };
        url
    }

    /// A market of its own for each cell of the table.
    pub async fn market(&self, shape: Shape) -> Market {
        let tenant = Uuid::now_v7();
        let digits = tenant.simple().to_string();
        let market = Market { shape, tenant, slug: format!("b{digits}"), prefix: digits[12..].to_owned() };
        let sql = furnish(&market, self.engine);
        let mut conn = self.ground.connect().await;
        conn.execute(&sql).await;
        if self.engine == Engine::Postgres {
            conn.execute("ANALYZE").await;
        }
        market
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn serve(data: &Path, target: &Target) -> (Child, BufReader<ChildStdout>, String) {
    let url = match target {
        Target::Sqlite(path) => format!("sqlite://{}", path.display()),
        Target::Postgres(url) => url.clone(),
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadcast"));
    command.env_clear().env("DATABASE_URL", url).env("LEADCAST_JWT_SECRET", SECRET).env("LEADCAST_LOG", "warn");
    command.arg("--listen").arg("127.0.0.1:0").arg("--data").arg(data).stdout(Stdio::piped());
    let mut server = command.spawn().expect("the binary is built");
    let mut output = BufReader::new(server.stdout.take().expect("piped"));
    let mut said = String::new();
    output.read_line(&mut said).expect("it says where it listens");
    let address = said.split("http://").nth(1).and_then(|rest| rest.split(',').next());
    let address = address.unwrap_or_else(|| panic!("the server does not start: {said}")).trim().to_owned();
    (server, output, address)
}

/// The market as SQL: a customer, providers with wallets, and open leads that all of them may claim.
fn furnish(market: &Market, engine: Engine) -> String {
    let (tenant, prefix, slug) = (market.tenant.simple(), &market.prefix, &market.slug);
    let (providers, leads) = (market.shape.providers(), market.shape.leads());
    let (series, tenant, id, now, epoch, week, nothing) = match engine {
        Engine::Postgres => (
            "SELECT n::bigint AS i FROM generate_series(0, 39999) AS n",
            format!("'{tenant}'::uuid"),
            format!("('{prefix}' || lpad(to_hex(i), 12, '0'))::uuid"),
            "now()",
            "'epoch'::timestamptz",
            "now() + interval '7 days'",
            "'\\x00'::bytea",
        ),
        Engine::Sqlite => (
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 39999) SELECT i FROM n",
            format!("x'{tenant}'"),
            format!("unhex('{prefix}' || printf('%012x', i))"),
            "unixepoch() * 1000000",
            "0",
            "(unixepoch() + 604800) * 1000000",
            "x'00'",
        ),
    };
    format!(
        "BEGIN;
         INSERT INTO tenants (id, slug, name, created_at) VALUES ({tenant}, '{slug}', 'A benchmark', {now});
         INSERT INTO users (tenant_id, id, name, role, tokens_valid_from, search_text, created_at)
             VALUES ({tenant}, 'casey', 'Casey', 'CUSTOMER', {epoch}, 'casey', {now});
         INSERT INTO users (tenant_id, id, name, role, tokens_valid_from, search_text, created_at)
             SELECT {tenant}, 'p' || i, 'Provider ' || i, 'PROVIDER', {epoch}, 'provider', {now}
             FROM ({series}) AS s WHERE i < {providers};
         INSERT INTO wallets (tenant_id, id, owner_id, balance, version, created_at)
             SELECT {tenant}, {id}, 'p' || i, {BALANCE}, 0, {now} FROM ({series}) AS s WHERE i < {providers};
         INSERT INTO leads (tenant_id, id, version, customer_id, reference, request_hash, is_test, status, title, description,
                 category, urgency, country, region, city, price, max_claims, claim_count, search_text, created_at, verified_at,
                 expires_at, expiry_order)
             SELECT {tenant}, {id}, 2, 'casey', 'r' || i, {nothing}, false, 'OPEN', 'Rewire a house',
                 'Three bedrooms, old wiring, and a certificate at the end.', 'Electrical', 'HIGH', 'ZA', 'Western Cape',
                 'Cape Town', {PRICE}, 1000000, 0, 'rewire a house three bedrooms, old wiring', {now}, {now}, {week}, {week}
             FROM ({series}) AS s WHERE i < {leads};
         COMMIT;"
    )
}
