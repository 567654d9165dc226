//! A source file as the checks read it: as text, and as tokens without comments and literals.

use std::{fs, path::Path};

/// The repository.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[derive(Clone)]
pub struct Source {
    /// From the top of the repository: `src/leads/store.rs`.
    pub path: String,
    /// `["leads", "store"]` of `src/leads/store.rs`; nothing of the roots.
    pub module: Vec<String>,
    pub text: String,
    /// Of what is compiled into the product: without `#[cfg(test)]` modules.
    pub tokens: Vec<Token>,
    /// Of everything in the file.
    pub all_tokens: Vec<Token>,
}

/// A word, a number, `::`, or any other single character.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

impl Token {
    pub fn is(&self, text: &str) -> bool {
        self.text == text
    }

    pub fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let all_tokens = tokens(&without_comments_and_literals(text));
        let tokens = without_tests(&all_tokens);
        Self { path: path.to_owned(), module: module(path), text: text.to_owned(), tokens, all_tokens }
    }

    /// All Rust files under a folder of the repository.
    pub fn under(folder: &str) -> Vec<Self> {
        let mut sources: Vec<_> = files(&Path::new(ROOT).join(folder))
            .into_iter()
            .filter(|path| Path::new(path).extension().is_some_and(|extension| extension == "rs"))
            .map(|path| Self::new(&path, &fs::read_to_string(Path::new(ROOT).join(&path)).expect("a text file")))
            .collect();
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        sources
    }

    pub fn lines(&self) -> usize {
        self.text.lines().count()
    }
}

fn module(path: &str) -> Vec<String> {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if matches!(path, "lib" | "main") { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// Every file below a folder, from the top of the repository; build products and other people's code left out.
pub fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let from_top = path.strip_prefix(ROOT).expect("below the top").to_str().expect("UTF-8 names").to_owned();
        let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8 names");
        if matches!(from_top.as_str(), ".git" | "target" | "data" | "tests/fuzz/target") || name == "node_modules" {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(from_top);
        }
    }
    found
}

/// Blanks them out; every other character stays on its line.
fn without_comments_and_literals(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = comment(&chars, at).or_else(|| string(&chars, at)).or_else(|| character(&chars, at));
        if let Some(end) = end {
            let end = end.min(chars.len());
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

fn starts(chars: &[char], at: usize, with: &str) -> bool {
    with.chars().enumerate().all(|(n, c)| chars.get(at + n) == Some(&c))
}

/// Where the comment that begins here ends.
fn comment(chars: &[char], at: usize) -> Option<usize> {
    if starts(chars, at, "//") {
        return Some((at..chars.len()).find(|&n| chars[n] == '\n').unwrap_or(chars.len()));
    }
    if !starts(chars, at, "/*") {
        return None;
    }
    let (mut depth, mut n) = (0, at);
    loop {
        if starts(chars, n, "/*") {
            depth += 1;
            n += 2;
        } else if starts(chars, n, "*/") {
            depth -= 1;
            n += 2;
        } else {
            n += 1;
        }
        if depth == 0 || n >= chars.len() {
            return Some(n);
        }
    }
}

/// Where the string that begins here ends: "…", r"…", r#"…"#, and those with b or c in front.
fn string(chars: &[char], at: usize) -> Option<usize> {
    let in_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    let mut n = at;
    if !in_word {
        n += usize::from(matches!(chars.get(n), Some('b' | 'c')));
        let raw = chars.get(n) == Some(&'r');
        n += usize::from(raw);
        let hashes = if raw { chars[n..].iter().take_while(|&&c| c == '#').count() } else { 0 };
        if raw && chars.get(n + hashes) == Some(&'"') {
            let close: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let end = (n + hashes + 1..chars.len()).find(|&n| starts(chars, n, &close));
            return Some(end.map_or(chars.len(), |end| end + close.len()));
        }
    }
    if chars.get(n) != Some(&'"') {
        return None;
    }
    n += 1;
    while n < chars.len() && chars[n] != '"' {
        n += if chars[n] == '\\' { 2 } else { 1 };
    }
    Some(n + 1)
}

/// Where the character literal that begins here ends. A lifetime is none.
fn character(chars: &[char], at: usize) -> Option<usize> {
    if chars[at] != '\'' {
        return None;
    }
    if chars.get(at + 1) == Some(&'\\') {
        return (at + 3..chars.len()).find(|&n| chars[n] == '\'').map(|n| n + 1);
    }
    (chars.get(at + 2) == Some(&'\'')).then_some(at + 3)
}

fn tokens(code: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for (line, text) in code.lines().enumerate() {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let length = match first {
                _ if rest.starts_with("::") => 2,
                c if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
                c => c.len_utf8(),
            };
            tokens.push(Token { text: rest[..length].to_owned(), line: line + 1 });
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const MARK: [&str; 8] = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let marked = MARK.iter().enumerate().all(|(n, text)| tokens.get(at + n).is_some_and(|token| token.is(text)));
        if let Some(end) = marked.then(|| block_end(tokens, at)).flatten() {
            at = end + 1;
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The closing brace of the first block after `from`; nothing when the item ends with a semicolon instead.
pub fn block_end(tokens: &[Token], from: usize) -> Option<usize> {
    let mut depth = 0;
    let mut brackets = 0;
    for (n, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => return Some(n),
            "}" => depth -= 1,
            "[" | "(" => brackets += 1,
            "]" | ")" => brackets -= 1,
            ";" if depth == 0 && brackets == 0 => return None,
            _ => {}
        }
    }
    None
}

#[test]
fn comments_strings_and_tests_are_not_code() {
    let source = Source::new(
        "src/x.rs",
        r##"
        use a::b; // use c::d;
        /* use /* nested */ e::f; */
        const S: &str = "use \"g::h"; const R: &str = r#"i::j "quoted" l"#; const C: char = '"';
        fn life<'a>(x: &'a str) { 'b': loop {} }
        #[cfg(test)]
        mod tests { use k::l; }
        fn after() {}
        "##,
    );
    let words: Vec<_> = source.tokens.iter().filter(|token| token.is_word()).map(|token| token.text.as_str()).collect();
    assert!(words.contains(&"after") && words.contains(&"life") && words.contains(&"b"));
    assert!(
        ["c", "e", "f", "nested", "g", "h", "i", "quoted", "k"].iter().all(|word| !words.contains(word)),
        "{words:?}"
    );
    assert_eq!(source.tokens.last().expect("tokens").line, 8);
}
