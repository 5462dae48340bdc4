//! Control characters made visible: what comes from files and arguments never steers a terminal.

use std::borrow::Cow;

/// `text` with every control character but line feeds and tabs replaced by a visible picture (`ESC` becomes
/// `\u{241b}`), and marks that reorder text, which could make a message read as something else, by `\u{fffd}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| picture(c).is_none()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| picture(c).unwrap_or(c)).collect())
}

/// As [`printable`], but on one line: line feeds and tabs become pictures too.
pub fn one_line(text: &str) -> Cow<'_, str> {
    let clean = printable(text);
    if clean.contains(['\n', '\t']) {
        return Cow::Owned(clean.replace('\n', "\u{240a}").replace('\t', "\u{2409}"));
    }
    clean
}

fn picture(c: char) -> Option<char> {
    match c {
        '\n' | '\t' => None,
        '\u{7f}' => Some('\u{2421}'),
        // The control pictures of Unicode stand in the order of the characters that they show.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        // C1 controls (0x9b starts an escape sequence), line separators, bidirectional marks.
        '\u{80}'..='\u{9f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some('\u{fffd}'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_become_pictures_and_text_stays() {
        assert_eq!(
            printable("\u{1b}[31mred\r\0\u{7f}\u{9b}2J"),
            "\u{241b}[31mred\u{240d}\u{2400}\u{2421}\u{fffd}2J"
        );
        assert_eq!(printable("Größe\tm²\n"), "Größe\tm²\n");
        assert_eq!(one_line("a\n\tb"), "a\u{240a}\u{2409}b");
        assert_eq!(printable("abc\u{202e}txt"), "abc\u{fffd}txt");
    }
}
