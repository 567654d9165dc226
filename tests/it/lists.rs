//! Lists: every filter and order, forwards and backwards, against what the test itself makes of the same data.

mod filters;
mod others;
mod reference;
mod scores;
mod search;
mod walk;

use serde_json::{Value, json};

use crate::support::{TestServer, api::Who};

/// A root connection with a filter and an order, to be paged through.
#[derive(Clone, Debug)]
pub struct List {
    pub root: &'static str,
    /// The type of its filter.
    pub filter_type: &'static str,
    pub filter: Value,
    /// Further arguments, with their values: `orderBy: {field: PRICE}`.
    pub more: String,
}

impl List {
    /// With further arguments.
    pub fn and(self, more: impl Into<String>) -> Self {
        Self { more: more.into(), ..self }
    }

    fn document(&self) -> String {
        let Self { root, filter_type, more, .. } = self;
        format!(
            "query($filter: {filter_type}, $first: Int, $after: PageCursor, $last: Int, $before: PageCursor) {{
                {root}(filter: $filter, first: $first, after: $after, last: $last, before: $before, {more}) {{
                    totalCount edges {{ cursor node {{ id }} }} nodes {{ id }}
                    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
        )
    }

    pub async fn page(&self, server: &TestServer, who: Who, paging: Value) -> Page {
        let mut variables = paging;
        variables["filter"] = self.filter.clone();
        let answer = server.ask(who, &self.document(), variables).await;
        Page::of(answer.field(self.root))
    }

    /// All pages from the beginning to the end, `size` rows at most each.
    pub async fn forwards(&self, server: &TestServer, who: Who, size: u64) -> Vec<String> {
        let mut rows = Vec::new();
        let mut after = Value::Null;
        loop {
            let page = self.page(server, who, json!({ "first": size, "after": after })).await;
            assert!(page.ids.len() <= usize::try_from(size).expect("small"), "{self:?}");
            assert_eq!(page.has_previous, !after.is_null(), "{self:?}");
            rows.extend(page.ids);
            if !page.has_next {
                return rows;
            }
            after = page.end;
            assert!(after.is_string(), "there is more, but nowhere to go on from: {self:?}");
        }
    }

    /// All pages from the end to the beginning, put in order.
    pub async fn backwards(&self, server: &TestServer, who: Who, size: u64) -> Vec<String> {
        let mut rows = Vec::new();
        let mut before = Value::Null;
        loop {
            let page = self.page(server, who, json!({ "last": size, "before": before })).await;
            assert_eq!(page.has_next, !before.is_null(), "{self:?}");
            rows.splice(0..0, page.ids);
            if !page.has_previous {
                return rows;
            }
            before = page.start;
            assert!(before.is_string(), "there is more, but nowhere to go on from: {self:?}");
        }
    }
}

/// A page of any list.
#[derive(Debug)]
pub struct Page {
    pub ids: Vec<String>,
    pub has_next: bool,
    pub has_previous: bool,
    pub start: Value,
    pub end: Value,
    pub total: Option<u64>,
}

impl Page {
    pub fn of(connection: &Value) -> Self {
        let id = |node: &Value| node["id"].as_str().expect("an id").to_owned();
        let nodes: Vec<_> = connection["nodes"].as_array().expect("a list").iter().map(id).collect();
        let edges = connection["edges"].as_array().expect("a list");
        let ids: Vec<_> = edges.iter().map(|edge| id(&edge["node"])).collect();
        assert_eq!(nodes, ids);
        let info = &connection["pageInfo"];
        Self {
            ids,
            has_next: info["hasNextPage"].as_bool().expect("a truth"),
            has_previous: info["hasPreviousPage"].as_bool().expect("a truth"),
            start: info["startCursor"].clone(),
            end: info["endCursor"].clone(),
            total: connection["totalCount"].as_u64(),
        }
    }
}

pub fn leads(filter: Value) -> List {
    List { root: "leads", filter_type: "LeadFilter", filter, more: String::new() }
}
