//! What apollo-parser passes over although it is no GraphQL: an argument, or a member of an object, that has a name and no value; and a line
//! break right after the `"` that begins a string.

use apollo_parser::{Lexer, Token, TokenKind};
use async_graphql::{Pos, ServerError};

/// The first of it, in a document that apollo-parser takes. All names within parentheses have a colon after them but for values,
/// variables, directives and what is in lists.
pub fn passed_over(text: &str) -> Option<ServerError> {
    use TokenKind::{
        At, Colon, Comma, Comment, Dollar, Eq, LBracket, LCurly, LParen, Name, RBracket, RCurly, RParen, StringValue,
        Whitespace,
    };
    let error = |message, token: &Token<'_>| ServerError::new(message, Some(position(&text[..token.index()])));
    let tokens = Lexer::new(text).filter_map(Result::ok);
    let mut tokens = tokens.filter(|token| !matches!(token.kind(), Whitespace | Comment | Comma)).peekable();
    let (mut open, mut before) = (Vec::new(), None);
    while let Some(token) = tokens.next() {
        let kind = token.kind();
        match kind {
            LParen => open.push(kind),
            LBracket | LCurly if !open.is_empty() => open.push(kind),
            RParen | RBracket | RCurly => drop(open.pop()),
            Name if matches!(open.last(), Some(LParen | LCurly))
                && !matches!(before, Some(Colon | Eq | Dollar | At))
                && tokens.peek().is_none_or(|next| next.kind() != Colon) =>
            {
                return Some(error("Syntax error: there is no value.", &token));
            }
            StringValue if !token.data().starts_with("\"\"\"") && token.data().contains(['\n', '\r']) => {
                return Some(error("Syntax error: a string ends on its line, unless it begins with \"\"\".", &token));
            }
            _ => {}
        }
        before = Some(kind);
    }
    None
}

/// Of what comes after a text.
fn position(before: &str) -> Pos {
    let line = before.rsplit('\n').next().unwrap_or_default();
    Pos { line: 1 + before.matches('\n').count(), column: 1 + line.chars().count() }
}
