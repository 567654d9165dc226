//! What happens to a server during a storm, and which of it: drawn from the seed.

use std::{sync::Arc, time::Duration};

use leadcast::{events::retain, leads::expire_due, notifications::told_up_to};
use tokio::time::sleep;

use super::Storm;
use crate::support::{Engine, TestServer, random::Random, sql::Sql};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// Other programs hold event ids that are not decided for a while. On PostgreSQL only, like the next.
    Stragglers,
    TwoNodes,
    /// Old events are deleted, and time moves on.
    Retention,
    /// A node is stopped as an operator would, and started again.
    Restart,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Weather(Vec<Trouble>);

impl Weather {
    pub fn draw(engine: Engine, random: &mut Random) -> Self {
        let mut troubles = Vec::new();
        for (trouble, one_in) in
            [(Trouble::Stragglers, 2), (Trouble::TwoNodes, 2), (Trouble::Retention, 3), (Trouble::Restart, 4)]
        {
            let possible = engine == Engine::Postgres || matches!(trouble, Trouble::Retention | Trouble::Restart);
            if random.one_in(one_in) && possible {
                troubles.push(trouble);
            }
        }
        Self(troubles)
    }

    pub fn has(&self, trouble: Trouble) -> bool {
        self.0.contains(&trouble)
    }

    /// Does what it does until the storm is over; gives the nodes back.
    pub async fn blow(self, storm: Arc<Storm>, mut nodes: Vec<TestServer>, mut random: Random) -> Vec<TestServer> {
        let mut restarted = false;
        while !storm.over.is_cancelled() {
            sleep(Duration::from_micros(random.below(40_000))).await;
            let app = random.pick(&nodes).app.clone();
            match random.below(3) {
                0 if self.has(Trouble::Retention) => {
                    if random.one_in(3) {
                        app.clock.advance(Duration::from_mins(random.below(30)));
                    }
                    let keep = Duration::from_millis(random.below(60));
                    let told = told_up_to(&app).await.expect("it is known what was told");
                    retain(&app.db, &app.hub, &app.clock, keep, told).await.expect("old events can be deleted");
                }
                1 if self.has(Trouble::Restart) && !restarted => {
                    restarted = true;
                    let node = nodes.remove(0);
                    drop(app);
                    nodes.push(node.restart().await);
                    storm.site.move_to_servers(&nodes);
                }
                _ => drop(expire_due(&app).await.expect("leads expire")),
            }
        }
        nodes
    }
}

/// What retention takes is kept aside, so that it is known afterwards what there was to hear.
const KEEP_ON_SQLITE: &str = "CREATE TABLE kept_events AS SELECT * FROM events WHERE 0;
    CREATE TABLE kept_event_users AS SELECT * FROM event_users WHERE 0;
    CREATE TRIGGER keep_event BEFORE DELETE ON events BEGIN
        INSERT INTO kept_events SELECT * FROM events WHERE id = OLD.id; END;
    CREATE TRIGGER keep_event_user BEFORE DELETE ON event_users BEGIN
        INSERT INTO kept_event_users VALUES (OLD.tenant_id, OLD.user_id, OLD.event_id); END";
const KEEP_ON_POSTGRES: &str = "CREATE TABLE kept_events (LIKE events);
    CREATE TABLE kept_event_users (LIKE event_users);
    CREATE FUNCTION keep_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        'BEGIN INSERT INTO kept_events SELECT OLD.*; RETURN OLD; END';
    CREATE FUNCTION keep_event_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        'BEGIN INSERT INTO kept_event_users SELECT OLD.*; RETURN OLD; END';
    CREATE TRIGGER keep_event BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION keep_event();
    CREATE TRIGGER keep_event_user BEFORE DELETE ON event_users FOR EACH ROW EXECUTE FUNCTION keep_event_user()";
const PUT_BACK: &str =
    "INSERT INTO events SELECT * FROM kept_events; INSERT INTO event_users SELECT * FROM kept_event_users";

pub async fn keep_aside(sql: &Sql) {
    sql.run(if sql.is_sqlite() { KEEP_ON_SQLITE } else { KEEP_ON_POSTGRES }).await.expect("tables and triggers");
}

pub async fn put_back(sql: &Sql) {
    sql.run(PUT_BACK).await.expect("what was kept aside");
}
