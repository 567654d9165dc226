//! The shape of the code, as tests: what may use what (`rooms.rs`), how long files and functions are, and what does not belong
//! in the repository at all.

mod imports;
mod rooms;
mod source;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use source::{ROOT, Source, block_end, files};

const MAX_FILE: usize = 500;
const MAX_MEDIAN: usize = 150;
const MAX_FUNCTION: usize = 70;

/// What may lie at the top of the repository, besides dotfiles and licences.
const TOP: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "benches",
    "diesel.toml",
    "migrations",
    "playground",
    "schema.graphql",
    "src",
    "tests",
];

/// In halves, so that this file is not found by its own search.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("todo", "!"),
    concat!("unimple", "mented!"),
    concat!("dbg", "!"),
];
/// Places that exist on one machine only.
const MACHINE: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// Where lock files may get packages from.
const REGISTRIES: &[&str] = &["registry+https://github.com/rust-lang/crates.io-index", "https://registry.npmjs.org/"];

#[track_caller]
fn none(problems: impl IntoIterator<Item = String>) {
    let problems: Vec<_> = problems.into_iter().collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn every_module_stays_in_its_room() {
    none(rooms::trespasses(&Source::under("src")));
}

#[test]
fn rules_are_pure() {
    let rules = Source::under("src").into_iter().filter(rooms::is_a_features_front);
    let impure = rules.filter(|source| source.tokens.iter().any(|token| token.is("async")));
    none(impure.map(|source| format!("{} has async code", source.path)));
}

#[test]
fn files_are_short() {
    let sources = [Source::under("src"), Source::under("tests")].concat();
    let long = sources.iter().filter(|source| source.lines() > MAX_FILE);
    none(long.map(|source| format!("{} has {} lines; {MAX_FILE} are allowed", source.path, source.lines())));

    let mut lengths: Vec<_> = sources.iter().filter(|s| s.path.starts_with("src")).map(Source::lines).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= MAX_MEDIAN, "half of the files have {median} lines or more; {MAX_MEDIAN} are allowed");
}

#[test]
fn functions_are_short() {
    let sources = [Source::under("src"), Source::under("tests")].concat();
    none(sources.iter().flat_map(long_functions));
}

/// Every function that is too long, tests included.
fn long_functions(source: &Source) -> Vec<String> {
    let tokens = &source.all_tokens;
    let names =
        (0..tokens.len()).filter(|&at| tokens[at].is("fn") && tokens.get(at + 1).is_some_and(source::Token::is_word));
    names
        .filter_map(|at| Some((at, tokens[block_end(tokens, at)?].line + 1 - tokens[at].line)))
        .filter(|(_, lines)| *lines > MAX_FUNCTION)
        .map(|(at, lines)| {
            let (path, line, name) = (&source.path, tokens[at].line, &tokens[at + 1].text);
            format!("{path}:{line}: {name} has {lines} lines; {MAX_FUNCTION} are allowed")
        })
        .collect()
}

#[test]
fn nothing_is_left_unfinished() {
    let ours = ["src", "tests", "migrations"].map(|folder| files(&Path::new(ROOT).join(folder))).concat();
    none(ours.iter().flat_map(|path| mentions(path, &text(path), UNFINISHED)));
}

/// Of a file that is no text, nothing.
fn text(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_default()
}

/// The lines of a text in which one of the words stands.
fn mentions(path: &str, text: &str, words: &[&str]) -> Vec<String> {
    let lines = text.lines().enumerate().filter(|(_, line)| words.iter().any(|word| line.contains(word)));
    lines.map(|(n, line)| format!("{path}:{}: {}", n + 1, line.trim())).collect()
}

#[test]
fn every_file_is_part_of_the_crate() {
    let sources = Source::under("src");
    let reached = reachable(&sources, &["src/lib.rs", "src/main.rs"]);
    let dead = sources.iter().filter(|source| !reached.contains(&source.path));
    none(dead.map(|source| format!("{} is not reached by any `mod`", source.path)));
}

/// The files that are compiled: those that `mod` declarations lead to.
fn reachable(sources: &[Source], roots: &[&str]) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<String> = roots.iter().map(|&root| root.to_owned()).collect();
    while let Some(path) = waiting.pop() {
        let Some(source) = sources.iter().find(|source| source.path == path) else { continue };
        let tokens = &source.all_tokens;
        let children = tokens.windows(3).filter(|t| t[0].is("mod") && t[2].is(";")).map(|t| t[1].text.as_str());
        for child in children {
            let folder = Path::new("src").join(source.module.iter().collect::<PathBuf>());
            waiting.extend(
                ["{}.rs", "{}/mod.rs"].map(|file| folder.join(file.replace("{}", child)).display().to_string()),
            );
        }
        reached.insert(path);
    }
    reached
}

#[test]
fn the_top_of_the_repository_is_in_order() {
    let names = fs::read_dir(ROOT).expect("the top can be read").map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.into_string().expect("UTF-8 names"));
    // What .gitignore names is nobody's business.
    let strange = names.filter(|name| {
        !(name.starts_with('.')
            || name.starts_with("LICENSE")
            || matches!(name.as_str(), "target" | "data")
            || TOP.contains(&name.as_str()))
    });
    none(strange.map(|name| format!("{name} does not belong at the top of the repository")));
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let found = files(Path::new(ROOT)).into_iter().flat_map(|path| {
        let text = text(&path);
        [mentions(&path, &text, MACHINE), foreign_sources(&path, &text)].concat()
    });
    none(found);
}

/// Packages in a lock file that come from elsewhere than the public registries.
fn foreign_sources(path: &str, text: &str) -> Vec<String> {
    if !(path.ends_with("Cargo.lock") || path.ends_with("package-lock.json")) {
        return Vec::new();
    }
    let sources = text.lines().enumerate().filter(|(_, line)| {
        let line = line.trim_start();
        line.starts_with("source = ") || line.starts_with("\"resolved\": ")
    });
    let foreign =
        sources.filter(|(_, line)| !REGISTRIES.iter().any(|registry| line.contains(&format!("\"{registry}"))));
    foreign.map(|(n, line)| format!("{path}:{}: {}", n + 1, line.trim())).collect()
}

#[test]
fn schema_graphql_is_the_schema() {
    let (exported, written) = (leadcast::graphql::sdl(), text("schema.graphql"));
    let differs = exported.lines().zip(written.lines()).position(|(new, old)| new != old);
    let differs = differs.unwrap_or_else(|| exported.lines().count().min(written.lines().count()));
    assert!(
        exported == written,
        "schema.graphql is not what the code exports, from line {}: run `cargo run -- schema > schema.graphql`",
        differs + 1
    );
}

#[test]
fn the_checks_find_what_they_look_for() {
    let body = "    x();\n".repeat(MAX_FUNCTION - 2);
    let just_right = Source::new("src/x.rs", &format!("fn f() {{\n{body}}}\n"));
    let too_long = Source::new("src/x.rs", &format!("fn f() {{\n{body}\n}}\n"));
    assert!(long_functions(&just_right).is_empty());
    assert_eq!(long_functions(&too_long), ["src/x.rs:1: f has 71 lines; 70 are allowed"]);

    assert_eq!(mentions("x", &format!("a\n// {}: b", UNFINISHED[0]), UNFINISHED).len(), 1);
    assert_eq!(mentions("x", &format!("a\nopen(\"{}x\")", MACHINE[0]), MACHINE).len(), 1);
    assert_eq!(foreign_sources("Cargo.lock", "source = \"registry+https://example.com/index\"").len(), 1);
    assert_eq!(foreign_sources("Cargo.lock", &format!("source = \"{}\"", REGISTRIES[0])).len(), 0);

    let tree = [("src/lib.rs", "pub mod a;"), ("src/a/mod.rs", "mod b;"), ("src/a/b.rs", ""), ("src/a/c.rs", "mod b;")];
    let tree = tree.map(|(path, text)| Source::new(path, text));
    let reached = reachable(&tree, &["src/lib.rs"]);
    assert_eq!(reached.iter().map(String::as_str).collect::<Vec<_>>(), ["src/a/b.rs", "src/a/mod.rs", "src/lib.rs"]);
}
