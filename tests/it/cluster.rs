//! The tests' own PostgreSQL does what the tests rely on.

use tokio_postgres::NoTls;

use crate::support::{
    postgres::{Cluster, available},
    soon,
};

async fn tenants(url: &str) -> Result<i64, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client.query_one("SELECT count(*) FROM tenants", &[]).await?.get(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_migrated_and_nobody_elses() {
    if !available() {
        return;
    }
    let cluster = Cluster::shared().await;
    let (one, other) = (cluster.database().await, cluster.database().await);
    assert_ne!(one.url(), other.url());
    assert_eq!(tenants(&one.url()).await.expect("a table to count"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_cluster_keeps_what_it_committed() {
    if !available() {
        return;
    }
    let cluster = Cluster::new().await;
    let database = cluster.database().await;
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client.batch_execute("CREATE TABLE kept (n int)").await.expect("a statement");

    cluster.kill();
    client.batch_execute("INSERT INTO kept VALUES (1)").await.expect_err("the connection is broken");
    tenants(&database.url()).await.expect_err("nobody listens");

    cluster.start().await;
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client.batch_execute("INSERT INTO kept VALUES (1)").await.expect("the table is still there");
}

/// The keeper sees the end of the process by the end of its pipe. Dropping the cluster ends the pipe in the same way.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_leaves_nothing_behind() {
    if !available() {
        return;
    }
    let cluster = Cluster::new().await;
    let database = cluster.database().await;
    let folder = cluster.folder().to_owned();
    assert!(folder.is_dir());
    cluster.stop();
    cluster.start().await;

    drop(database);
    drop(cluster);
    soon("the folder to be removed", async {
        while folder.exists() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
