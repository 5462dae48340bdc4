//! Lines for people are at most [`WIDTH`] characters wide, so that a terminal of the usual width breaks none of them.

/// Most characters of a line.
pub const WIDTH: usize = 80;

/// Breaks a text between words into lines of at most `room` characters, where words allow it. A longer word, such as a
/// path, stays whole. Blanks within a line stay as they are.
pub fn broken(text: &str, room: usize) -> Vec<String> {
    let (mut lines, mut rest) = (Vec::new(), text);
    while let Some(at) = (rest.chars().count() > room).then(|| break_of(rest, room)).flatten() {
        lines.push(rest[..at].trim_end().to_owned());
        rest = rest[at..].trim_start();
    }
    lines.push(rest.to_owned());
    lines
}

/// Byte of the last blank after a word that leaves at most `room` characters before it, else of the first beyond.
fn break_of(line: &str, room: usize) -> Option<usize> {
    let indent = line.len() - line.trim_start().len();
    let mut found = None;
    for (column, (at, _)) in line.char_indices().enumerate().filter(|(_, (at, c))| *c == ' ' && *at > indent)
    {
        if column > room {
            return found.or(Some(at));
        }
        found = Some(at);
    }
    found
}

/// The lines of a text, the long ones broken; what goes on stands two blanks further in. Every line ends with a newline
/// if the last one does.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        if line.chars().count() <= WIDTH {
            folded += line;
        } else {
            let indent = " ".repeat(line.len() - line.trim_start().len());
            let [first, rest @ ..] = &broken(line, WIDTH)[..] else { continue };
            folded += first;
            let rest = rest.join(" ");
            let lines = if rest.is_empty() { Vec::new() } else { broken(&rest, WIDTH - indent.len() - 2) };
            for line in lines {
                folded.push('\n');
                folded.push_str(&indent);
                folded.push_str("  ");
                folded.push_str(&line);
            }
        }
        folded += end;
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_words_stay_whole() {
        assert_eq!(broken("one two three", 7), ["one two", "three"]);
        assert_eq!(broken("one two", 7), ["one two"]);
        assert_eq!(broken("one  two", 7), ["one", "two"]);
        assert_eq!(broken("  a/very/long/path is here", 8), ["  a/very/long/path", "is here"]);
        assert_eq!(broken("a/very/long/path", 8), ["a/very/long/path"]);
        assert_eq!(broken("ééé ééé ééé", 7), ["ééé ééé", "ééé"]);
        assert_eq!(broken("", 7), [""]);
    }

    #[test]
    fn long_lines_go_on_further_in_and_short_ones_are_kept() {
        let word = "x".repeat(30);
        let long = format!("  {word} {word} {word} {word}\n");
        let text = format!("short\n{long}\nend");
        assert_eq!(folded(&text), format!("short\n  {word} {word}\n    {word} {word}\n\nend"));
        assert_eq!(folded("a\n\nb\n"), "a\n\nb\n");
        let exact = "y".repeat(40) + " " + &"z".repeat(39);
        assert_eq!(folded(&exact), exact);
    }
}
