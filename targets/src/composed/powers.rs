//! Powers of whole numbers in RON texts: `2^20`, as architects write sizes.
//!
//! Looked for outside of strings, characters and comments. A power beyond 64 bits stays as it is, so that the reader
//! refuses it.

use std::ops::Range;

/// Powers with their bytes and values.
pub(super) fn find(text: &str) -> Vec<(Range<usize>, u64)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        at += match bytes[at] {
            b'"' => string(rest),
            b'\'' => character(rest),
            b'r' if rest[1..].trim_start_matches('#').starts_with('"') => raw_string(rest),
            b'/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => block_comment(rest),
            c if c.is_ascii_alphanumeric() || c == b'_' => {
                let word = word(rest);
                match power(rest, word).filter(|_| !text[..at].ends_with('.')) {
                    Some((length, value)) => {
                        found.push((at..at + length, value));
                        length
                    }
                    None => word,
                }
            }
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
    }
    found
}

/// Bytes of the letters, digits and underscores at the beginning.
fn word(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// Length and value of the power that begins with a word of so many bytes.
fn power(text: &str, base: usize) -> Option<(usize, u64)> {
    let exponent = text[base..].strip_prefix('^')?;
    let length = word(exponent);
    if exponent[length..].starts_with('.') {
        return None;
    }
    let value = text[..base].parse::<u64>().ok()?.checked_pow(exponent[..length].parse().ok()?)?;
    Some((base + 1 + length, value))
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A character such as `'x'` or `'\''`; a quotation mark alone is passed over.
fn character(text: &str) -> usize {
    let mut rest = text.char_indices().skip(1);
    let first = rest.next().map(|(_, c)| c);
    if first == Some('\\') {
        rest.next();
    }
    match rest.next() {
        Some((at, '\'')) => at + 1,
        _ => 1,
    }
}

fn raw_string(text: &str) -> usize {
    let hashes = text[1..].bytes().take_while(|&b| b == b'#').count();
    let begin = 2 + hashes;
    let end = format!("\"{}", "#".repeat(hashes));
    text[begin..].find(&end).map_or(text.len(), |length| begin + length + end.len())
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_found_outside_of_strings_and_comments() {
        let text = concat!(
            "(a: 2^19, b: \"2^3 \\\" 2^4\", c: r#\"2^5\"2^6\"#, d: ['\\'', '^', 10^3], /* 2^7 /* 2^8 */ 2^9 */ e: 3^0)",
            " // 2^11\nx2^12 2^64 -2^2 1.5^2 2^1.5 r#name: 2^1"
        );
        let found: Vec<_> = find(text).into_iter().map(|(range, value)| (&text[range], value)).collect();
        assert_eq!(found, [("2^19", 1 << 19), ("10^3", 1000), ("3^0", 1), ("2^2", 4), ("2^1", 2)]);
        // Texts that end anywhere have an answer.
        for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
            find(&text[..end]);
        }
    }
}
