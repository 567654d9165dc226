//! What a file refers to: every path in it, made absolute by its `use` declarations and by what modules re-export.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Source, Token};

/// A path that a file uses.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Import {
    pub line: usize,
    /// `["crate", "leads", "store", "find"]`, or with a library's name in front.
    pub path: Vec<String>,
}

/// All modules of the crate, and what they re-export.
pub struct Modules {
    known: BTreeSet<Vec<String>>,
    /// From (module, name) to the path that the name stands for.
    re_exports: BTreeMap<(Vec<String>, String), Vec<String>>,
}

struct Use {
    line: usize,
    path: Vec<String>,
    name: String,
    public: bool,
}

impl Modules {
    pub fn of(sources: &[Source]) -> Self {
        let known: BTreeSet<_> = sources.iter().map(|source| source.module.clone()).collect();
        let mut re_exports = BTreeMap::new();
        for source in sources {
            let module = &source.module;
            for declared in uses(&source.tokens).into_iter().filter(|declared| declared.public) {
                let path = absolute(&declared.path, module, &known);
                re_exports.insert((module.clone(), declared.name), path);
            }
        }
        Self { known, re_exports }
    }

    /// The module that the path leads to, re-exports followed, and the name in it, if there is one.
    pub fn resolve<'p>(&'p self, path: &'p [String]) -> (&'p [String], Option<&'p str>) {
        let mut path = path;
        for _ in 0..8 {
            let inside = &path[1..];
            let depth = (0..=inside.len()).rev().find(|&n| self.known.contains(&inside[..n])).unwrap_or(0);
            let (module, name) = (&inside[..depth], inside.get(depth));
            match name.and_then(|name| self.re_exports.get(&(module.to_vec(), name.clone()))) {
                Some(target) if target[0] == "crate" => path = target,
                _ => return (module, name.map(String::as_str)),
            }
        }
        (&path[1..], None)
    }

    /// Every path in the file. A module's re-exports of its own parts are not imports, nor is a module that is only the way
    /// to what is in it.
    pub fn imports(&self, source: &Source) -> Vec<Import> {
        let module = &source.module;
        let declared = uses(&source.tokens);
        let names: BTreeMap<_, _> = declared
            .iter()
            .map(|declared| (declared.name.clone(), absolute(&declared.path, module, &self.known)))
            .collect();
        let paths = paths(&source.tokens);
        let mut imports: Vec<_> = declared
            .iter()
            .map(|declared| (declared, absolute(&declared.path, module, &self.known)))
            .filter(|(declared, path)| !(declared.public && path.get(1..).is_some_and(|p| p.starts_with(module))))
            .filter(|(declared, _)| !paths.iter().any(|(_, path)| path[0] == declared.name))
            .map(|(declared, path)| Import { line: declared.line, path })
            .collect();
        for (line, path) in paths {
            let path = match names.get(&path[0]) {
                Some(full) => [full, &path[1..]].concat(),
                None => absolute(&path, module, &self.known),
            };
            imports.push(Import { line, path });
        }
        imports.sort();
        imports.dedup();
        imports
    }
}

/// `super::x` and `self::x` as `crate::…`, as is a path that begins with a module beside or below this one.
fn absolute(path: &[String], module: &[String], known: &BTreeSet<Vec<String>>) -> Vec<String> {
    let mut base = module.to_vec();
    let mut rest = path;
    let root = || vec!["crate".to_owned()];
    match path[0].as_str() {
        "crate" => return path.to_vec(),
        "leadcast" => return [root(), path[1..].to_vec()].concat(),
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|segment| segment == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        child => {
            base.push(child.to_owned());
            if !known.contains(&base) {
                return path.to_vec();
            }
            base.pop();
        }
    }
    [root(), base, rest.to_vec()].concat()
}

/// The names that `use` declarations bring.
fn uses(tokens: &[Token]) -> Vec<Use> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        // Not the `use<'a>` of a type.
        if !token.is("use") || tokens.get(at + 1).is_none_or(|next| next.is("<")) {
            continue;
        }
        let public = at > 0 && (tokens[at - 1].is("pub") || tokens[at - 1].is(")"));
        let mut reader = Tree { tokens, at: at + 1, line: token.line, public, found: &mut found };
        reader.read(&[]);
    }
    found
}

/// Reads the tree of one `use` declaration.
struct Tree<'t> {
    tokens: &'t [Token],
    at: usize,
    line: usize,
    public: bool,
    found: &'t mut Vec<Use>,
}

impl Tree<'_> {
    fn read(&mut self, prefix: &[String]) {
        let mut path = prefix.to_vec();
        while let Some(token) = self.tokens.get(self.at) {
            match token.text.as_str() {
                "::" => self.at += 1,
                "{" => return self.group(&path),
                "as" => {
                    let name = self.tokens[self.at + 1].text.clone();
                    self.at += 2;
                    return self.push(path, name);
                }
                word if token.is_word() || word == "*" => {
                    path.push(word.to_owned());
                    self.at += 1;
                }
                _ => break,
            }
        }
        if let Some(name) = path.last().cloned() {
            self.push(path, name);
        }
    }

    fn group(&mut self, path: &[String]) {
        while !self.tokens[self.at].is("}") {
            self.at += 1;
            if !self.tokens[self.at].is("}") {
                self.read(path);
            }
        }
        self.at += 1;
    }

    fn push(&mut self, mut path: Vec<String>, mut name: String) {
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
            if name == "self" {
                name.clone_from(&path[path.len() - 1]);
            }
        }
        self.found.push(Use { line: self.line, path, name, public: self.public });
    }
}

/// The paths of more than one segment outside `use` declarations.
fn paths(tokens: &[Token]) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].is("use") && tokens.get(at + 1).is_some_and(|next| !next.is("<")) {
            while at < tokens.len() && !tokens[at].is(";") {
                at += 1;
            }
        }
        let begins = at < tokens.len() && tokens[at].is_word() && (at == 0 || !tokens[at - 1].is("::"));
        if !begins {
            at += 1;
            continue;
        }
        let (line, mut path) = (tokens[at].line, vec![tokens[at].text.clone()]);
        while tokens.get(at + 1).is_some_and(|next| next.is("::")) && tokens.get(at + 2).is_some_and(Token::is_word) {
            path.push(tokens[at + 2].text.clone());
            at += 2;
        }
        if path.len() > 1 {
            found.push((line, path));
        }
        at += 1;
    }
    found
}

fn paths_of(text: &str) -> Vec<String> {
    let sources = [
        Source::new("src/leads/mod.rs", "mod create; pub mod store; pub use create::{CreateLeadInput, create};"),
        Source::new("src/leads/create.rs", ""),
        Source::new("src/leads/store.rs", ""),
        Source::new("src/claims/claim.rs", text),
    ];
    let modules = Modules::of(&sources);
    modules.imports(&sources[3]).into_iter().map(|import| import.path.join("::")).collect()
}

#[test]
fn every_way_to_write_a_path_is_understood() {
    assert_eq!(
        paths_of("use crate::{db::{self, Tx as T}, leads}; use std::{fs, io::*};"),
        ["crate::db", "crate::db::Tx", "crate::leads", "std::fs", "std::io::*"]
    );
    assert_eq!(paths_of("fn f() { crate::leads::store::find(); }"), ["crate::leads::store::find"]);
    assert_eq!(paths_of("use crate::leads as l;\nfn f() { l::store::find(); }"), ["crate::leads::store::find"]);
    assert_eq!(paths_of("use super::store; use super::super::leads;"), ["crate::claims::store", "crate::leads"]);
    assert_eq!(paths_of("fn f(x: impl A + use<'a>) -> diesel::QueryResult<Vec<u8>> {}"), ["diesel::QueryResult"]);
}

#[test]
fn a_re_exported_name_leads_to_where_it_is_defined() {
    let sources = [
        Source::new("src/leads/mod.rs", "mod create; pub use create::{CreateLeadInput, create};"),
        Source::new("src/leads/create.rs", ""),
    ];
    let modules = Modules::of(&sources);
    let path = ["crate", "leads", "CreateLeadInput"].map(str::to_owned);
    assert_eq!(modules.resolve(&path), (["leads".to_owned(), "create".to_owned()].as_slice(), Some("CreateLeadInput")));
    assert!(modules.imports(&sources[0]).is_empty(), "a module may re-export its own parts");
}
