//! What an operation costs, before it is executed: a point for each field it asks for, times the rows that a list may have.
//!
//! A fragment is measured once, however often it is spread, so that thirty that double each other are found out in no time. What
//! `@include` may leave out counts as asked for. Introspection costs what its fields cost: its lists are short and need no query.

use apollo_compiler::{
    ExecutableDocument, Name,
    ast::{NamedType, Value},
    collections::HashMap,
    executable::{Field, Operation, Selection, SelectionSet},
};
use async_graphql::{Value as Given, Variables};

/// Rows that a list has that is no page: the payloads of bulk mutations show at most 100, most have a few.
const ROWS_OF_A_LIST: u64 = 10;
/// Rows of a page for which no size is given anywhere, and at most: whoever asks for more is refused for that.
const ROWS_OF_A_PAGE: u64 = 20;
const MAX_ROWS: u64 = 1_000;
/// What a page costs whatever is on it: a query or two.
const PAGE: u64 = 10;
/// What a mutation costs: a transaction.
const MUTATION: u64 = 10;

/// How the cost of an operation comes about: a number that the sizes of its pages make larger.
#[derive(Debug)]
pub struct Cost {
    operation: Sum,
    fragments: Vec<Sum>,
    /// What it is whatever the variables are, when they do not matter.
    always: Option<u64>,
}

/// A number, and what comes to it.
#[derive(Default, Debug)]
struct Sum {
    fixed: u64,
    times: Vec<(Size, Sum)>,
    /// The places of fragments.
    spreads: Vec<usize>,
    /// What is asked of one type or another, where a row is of one of them: the most counts.
    either: Vec<(NamedType, Sum)>,
}

/// How many rows a list has.
#[derive(Debug)]
enum Size {
    Given(u64),
    /// By a variable; or so many where that has no value.
    Variable(String, u64),
}

impl Cost {
    pub fn of(document: &ExecutableDocument, operation: &Operation) -> Self {
        let fragments = document.fragments.iter().enumerate();
        let fragments = fragments.map(|(place, (name, fragment))| (name, (place, fragment.type_condition())));
        let measure = Measure { fragments: fragments.collect() };
        let mut sum = measure.set(&operation.selection_set);
        if operation.is_mutation() {
            let roots = u64::try_from(operation.root_fields(document).count()).unwrap_or(u64::MAX);
            sum.fixed = sum.fixed.saturating_add(roots.saturating_mul(MUTATION));
        }
        let fragments = document.fragments.values().map(|fragment| measure.set(&fragment.selection_set)).collect();
        let mut cost = Self { operation: sum, fragments, always: None };
        if !cost.fragments.iter().chain([&cost.operation]).any(Sum::depends_on_variables) {
            cost.always = Some(cost.with(&Variables::default()));
        }
        cost
    }

    /// What it comes to with these variables, coerced.
    pub fn with(&self, variables: &Variables) -> u64 {
        self.always.unwrap_or_else(|| {
            let mut known = vec![None; self.fragments.len()];
            self.sum(&self.operation, variables, &mut known)
        })
    }

    fn sum(&self, sum: &Sum, variables: &Variables, known: &mut [Option<u64>]) -> u64 {
        let mut total = sum.fixed;
        for (size, rows) in &sum.times {
            let rows = self.sum(rows, variables, known);
            total = total.saturating_add(size.with(variables).saturating_mul(rows));
        }
        let dearest = sum.either.iter().map(|(_, sum)| self.sum(sum, variables, known)).max();
        total = total.saturating_add(dearest.unwrap_or(0));
        for place in &sum.spreads {
            let fragment = known[*place].unwrap_or_else(|| self.sum(&self.fragments[*place], variables, known));
            known[*place] = Some(fragment);
            total = total.saturating_add(fragment);
        }
        total
    }
}

impl Sum {
    /// Where to add what is asked of a type, among what is asked of `all`.
    fn of(&mut self, wanted: &NamedType, all: &NamedType) -> &mut Self {
        if wanted == all {
            return self;
        }
        let known = self.either.iter().position(|(kind, _)| kind == wanted).unwrap_or_else(|| {
            self.either.push((wanted.clone(), Self::default()));
            self.either.len() - 1
        });
        &mut self.either[known].1
    }

    fn depends_on_variables(&self) -> bool {
        self.times.iter().any(|(size, rows)| matches!(size, Size::Variable(..)) || rows.depends_on_variables())
            || self.either.iter().any(|(_, sum)| sum.depends_on_variables())
    }
}

impl Size {
    fn with(&self, variables: &Variables) -> u64 {
        match self {
            Self::Given(rows) => *rows,
            Self::Variable(name, otherwise) => {
                let given = match variables.get(name.as_str()) {
                    Some(Given::Number(rows)) => rows.as_u64(),
                    _ => None,
                };
                given.unwrap_or(*otherwise).min(MAX_ROWS)
            }
        }
    }
}

struct Measure<'a> {
    /// The place of each, and the type that it is of.
    fragments: HashMap<&'a Name, (usize, &'a NamedType)>,
}

impl Measure<'_> {
    fn set(&self, set: &SelectionSet) -> Sum {
        let mut sum = Sum::default();
        self.add(set, &mut sum);
        sum
    }

    fn add(&self, set: &SelectionSet, sum: &mut Sum) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => self.field(field, sum),
                Selection::InlineFragment(fragment) => {
                    self.add(&fragment.selection_set, sum.of(&fragment.selection_set.ty, &set.ty));
                }
                Selection::FragmentSpread(spread) => {
                    if let Some((place, of)) = self.fragments.get(&spread.fragment_name) {
                        sum.of(of, &set.ty).spreads.push(*place);
                    }
                }
            }
        }
    }

    fn field(&self, field: &Field, sum: &mut Sum) {
        sum.fixed = sum.fixed.saturating_add(1);
        if field.selection_set.is_empty() {
            return;
        }
        if field.definition.argument_by_name("first").is_some() {
            sum.fixed = sum.fixed.saturating_add(PAGE);
            sum.times.push((size_of_page(field), self.set(&field.selection_set)));
        } else if field.ty().is_list() && !is_of_a_page(field) && !field.selection_set.ty.starts_with("__") {
            sum.times.push((Size::Given(ROWS_OF_A_LIST), self.set(&field.selection_set)));
        } else {
            self.add(&field.selection_set, sum);
        }
    }
}

/// The rows of a page are counted by its size already.
fn is_of_a_page(field: &Field) -> bool {
    matches!(field.name.as_str(), "nodes" | "edges" | "events")
}

/// `first` or `last`, as given or as the schema has it. A negative one costs nothing: it is refused anyway.
fn size_of_page(field: &Field) -> Size {
    let given = ["first", "last"].into_iter().find_map(|name| {
        let value = field.specified_argument_by_name(name).filter(|value| !value.is_null());
        value.map(|value| &**value)
    });
    let default = field.definition.argument_by_name("first").and_then(|first| first.default_value.as_deref());
    let rows = |value: Option<&Value>| match value {
        Some(Value::Int(digits)) => digits.as_str().parse().unwrap_or(0).min(MAX_ROWS),
        _ => ROWS_OF_A_PAGE,
    };
    match given {
        Some(Value::Variable(name)) => Size::Variable(name.to_string(), rows(default)),
        given => Size::Given(rows(given.or(default))),
    }
}
