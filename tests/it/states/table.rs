//! Reads the table of states.

/// The states of the table, in the order of [`Row::expected`].
pub const STATES: [&str; 8] = ["IN_REVIEW", "OPEN", "FULL", "OVERDUE", "EXPIRED", "WITHDRAWN", "UNOPENED", "REJECTED"];

/// An action, and what it comes to in each state.
#[derive(Debug)]
pub struct Row {
    pub action: String,
    pub expected: [String; 8],
}

impl Row {
    pub fn lets_time_pass(&self) -> bool {
        self.action.starts_with("time passes")
    }
}

/// How often the lead changes, if it goes as expected. (Not asked where a last place is taken: that is two events.)
pub fn changes(expected: &str) -> i64 {
    let events = expected.split_once(": ").map_or("", |(_, events)| events);
    let of_lead = events.split_whitespace().filter(|event| *event != "CLAIM_UPDATED").count();
    i64::try_from(of_lead).expect("a few")
}

pub fn table() -> Vec<Row> {
    let text = include_str!("table.txt");
    let mut rows = Vec::new();
    for block in text.split("\n\n").filter(|block| block.contains("\n    ")) {
        let mut lines = block.lines();
        let action = lines.next().expect("a block begins with its action").to_owned();
        let mut cells: [Option<String>; 8] = Default::default();
        for line in lines {
            let (states, expected) = line.split_at(24);
            let expected = expected.trim().to_owned();
            if states.trim() == "otherwise" {
                cells.iter_mut().filter(|cell| cell.is_none()).for_each(|cell| *cell = Some(expected.clone()));
                continue;
            }
            for state in states.split_whitespace() {
                let column = STATES.iter().position(|known| *known == state);
                let column = column.unwrap_or_else(|| panic!("{action}: there is no state {state}"));
                assert!(cells[column].is_none(), "{action}: {state} is there twice");
                cells[column] = Some(expected.clone());
            }
        }
        let expected = cells.map(|cell| cell.unwrap_or_else(|| panic!("{action} leaves out a state")));
        rows.push(Row { action, expected });
    }
    rows
}

#[test]
fn the_table_is_read_as_it_is_written() {
    let rows = table();
    assert!(rows.len() > 25, "{} rows", rows.len());
    let reject = rows.iter().find(|row| row.action == "rejectLead").expect("it is there");
    assert_eq!(reject.expected[0], "REJECTED 0/4: REJECTED");
    assert_eq!(reject.expected[1], "LEAD_CLOSED id");
    assert_eq!(
        (changes("OPEN 2/4: EDITED CLAIM_UPDATED"), changes("OPEN 2/4: CLAIM_UPDATED"), changes("NOT")),
        (1, 0, 0)
    );
}
