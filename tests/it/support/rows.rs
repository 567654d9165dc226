//! Everything that the database holds of one tenant, to see that nobody else has changed any of it.

use std::collections::BTreeMap;

use super::sql::Sql;

impl Sql {
    /// The rows of every table that has a tenant, as text, by table: found in the database's own catalogue.
    pub async fn rows_of(&self, tenant: &str) -> BTreeMap<String, String> {
        let mut rows = BTreeMap::new();
        for table in self.tenant_tables().await {
            let found = self.text(&self.dump(&table, "tenant_id", tenant).await).await;
            rows.insert(table, found);
        }
        rows.insert("tenants".to_owned(), self.text(&self.dump("tenants", "id", tenant).await).await);
        rows
    }

    async fn tenant_tables(&self) -> Vec<String> {
        let names = if self.is_sqlite() {
            "SELECT group_concat(tables.name, ' ') FROM sqlite_master AS tables
                JOIN pragma_table_info(tables.name) AS columns ON columns.name = 'tenant_id'
                WHERE tables.type = 'table'"
        } else {
            "SELECT string_agg(relname, ' ') FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
                WHERE relkind IN ('r', 'p') AND attname = 'tenant_id' AND relnamespace = 'public'::regnamespace"
        };
        let names: Vec<_> = self.text(names).await.split_whitespace().map(str::to_owned).collect();
        assert!(names.iter().any(|name| name == "leads"), "the catalogue was not read: {names:?}");
        names
    }

    /// The query for a table's rows of a tenant, in an order of their own.
    async fn dump(&self, table: &str, column: &str, tenant: &str) -> String {
        if !self.is_sqlite() {
            return format!(
                "SELECT string_agg(of::text, chr(10) ORDER BY of::text) FROM {table} AS of WHERE {column} = '{tenant}'"
            );
        }
        let columns =
            format!("SELECT group_concat('quote(' || name || ')', ' || '','' || ') FROM pragma_table_info('{table}')");
        let (columns, blob) = (self.text(&columns).await, tenant.replace('-', ""));
        format!(
            "SELECT group_concat(of, char(10)) FROM
                (SELECT {columns} AS of FROM {table} WHERE {column} = x'{blob}' ORDER BY 1)"
        )
    }
}
