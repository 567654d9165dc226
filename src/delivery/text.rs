//! The words of an e-mail. Everything in it that somebody has written is text and nothing else: escaped in HTML, in one line where a
//! header is made of it.

use super::letter::Letter;

const PAGE: &str = include_str!("mail.html");
const ITEM: &str = include_str!("mail_item.html");

pub struct Text {
    pub subject: String,
    pub plain: String,
    pub html: String,
}

impl Text {
    pub fn of(letter: &Letter) -> Self {
        let subject = subject(letter);
        let (more, foot) = (more(letter), foot(letter));
        let mut plain = Vec::new();
        let mut items = String::new();
        for delivery in &letter.listed {
            let (title, message) = (in_one_line(&delivery.title), delivery.message.trim());
            plain.extend([title.clone(), message.to_owned()]);
            items.push_str(&filled(ITEM, &[("title", &escaped(&title)), ("message", &escaped(message))]));
        }
        plain.extend(more.clone());
        plain.push(format!("-- \n{foot}\n"));
        let more = more.map(|more| format!("<p>{}</p>", escaped(&more))).unwrap_or_default();
        let html = filled(
            PAGE,
            &[("subject", &escaped(&subject)), ("items", &items), ("more", &more), ("foot", &escaped(&foot))],
        );
        Self { subject, plain: plain.join("\n\n"), html }
    }
}

fn subject(letter: &Letter) -> String {
    let count = i64::try_from(letter.listed.len()).unwrap_or(i64::MAX).saturating_add(letter.more);
    match &letter.listed[..] {
        [only] if count == 1 => in_a_header(&only.title),
        _ => in_a_header(&format!("{count} notifications from {}", letter.tenant_name)),
    }
}

fn more(letter: &Letter) -> Option<String> {
    (letter.more > 0).then(|| format!("And {} more.", letter.more))
}

fn foot(letter: &Letter) -> String {
    let (tenant, name) = (in_one_line(&letter.tenant_name), in_one_line(&letter.recipient.name));
    format!(
        "{tenant} has sent this to {name}. What you are sent, and how often, is in your notification preferences there."
    )
}

/// In one line, and not as what readers take for encoded (RFC 2047).
pub fn in_a_header(text: &str) -> String {
    in_one_line(text).replace("=?", "= ?")
}

/// Without line breaks and other control characters.
pub fn in_one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The template with a value in the place of each `{{name}}`. What a value has of braces stays as it is.
fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut pieces = template.split("{{");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").expect("every marker of a template is closed");
        let value = values.iter().find(|(known, _)| *known == name);
        filled.push_str(value.expect("every marker of a template has a value").1);
        filled.push_str(rest);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::letter::samples::letter;

    #[test]
    fn one_notification_is_its_own_subject() {
        let text = Text::of(&letter(&[("Balance low", "5 credits left")], 0));
        assert_eq!(text.subject, "Balance low");
        assert!(
            text.plain.starts_with("Balance low\n\n5 credits left\n\n-- \nDemo has sent this to Pat."),
            "{}",
            text.plain
        );
        assert!(text.html.contains(">Balance low</h1>") && text.html.contains(">5 credits left</p>"), "{}", text.html);
        assert!(!text.html.contains("{{") && !text.plain.contains("more"));
    }

    #[test]
    fn a_digest_says_how_many_it_does_not_list() {
        let text = Text::of(&letter(&[("A", "a"), ("B", "b")], 7));
        assert_eq!(text.subject, "9 notifications from Demo");
        for part in [&text.plain, &text.html] {
            assert!(part.contains("And 7 more."), "{part}");
            assert!(part.find('A') < part.find('B'));
        }
    }

    #[test]
    fn what_somebody_wrote_is_text_and_nothing_else() {
        let title = "<script>alert('x')</script>\r\nBcc: all@example.com\0";
        let mut letter = letter(&[(title, "{{foot}} \"&\" <b>bold</b>\nsecond line")], 0);
        letter.recipient.name = "Pat\r\nX-Evil: <i>".to_owned();
        letter.tenant_name = "De\nmo {{items}}".to_owned();
        let text = Text::of(&letter);
        assert_eq!(text.subject, "<script>alert('x')</script> Bcc: all@example.com");
        assert!(text.html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; Bcc"), "{}", text.html);
        assert!(text.html.contains("{{foot}} &quot;&amp;&quot; &lt;b&gt;bold&lt;/b&gt;\nsecond line"), "{}", text.html);
        for tag in ["<script", "<b>", "<i>"] {
            assert!(!text.html.contains(tag), "{tag}: {}", text.html);
        }
        assert!(text.html.contains("De mo {{items}} has sent this to Pat X-Evil: &lt;i&gt;."), "{}", text.html);
    }
}
