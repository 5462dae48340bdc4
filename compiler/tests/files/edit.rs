//! Edits of a text: a path to a block of lines, and what is replaced there.
//!
//! A path leads through the indentation of the text. Each of its words names a line one level deeper than the block
//! before: `populations` the line that starts with `populations:`, `[2]` the third element of a list (texts of IRs
//! number them as `/*[2]*/`), `"second"` the element of this name or key. What is replaced must occur exactly once in
//! the block that the path ends in; without a path, in the whole text. Lines of an IR's text that are deeper than the
//! layout of [`crate::bases`] have no path of their own.

use std::ops::Range;

/// One replacement.
#[derive(Debug)]
pub struct Edit {
    /// Whether the text of the target is meant, and not the input.
    pub in_target: bool,
    path: Vec<String>,
    old: Vec<String>,
    new: Vec<String>,
}

impl Edit {
    /// Reads lines `@ path`, `- old`, `+ new` and `in target:`.
    ///
    /// # Errors
    /// A line of no such form, in words.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, String> {
        let (mut edits, mut in_target, mut path, mut before) = (Vec::<Self>::new(), false, Vec::new(), "");
        for line in text.lines() {
            let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
            match mark {
                "@" => path = rest.split_whitespace().map(str::to_owned).collect(),
                "-" | "+" => {
                    // Lines `-` after other lines start the next edit.
                    if mark == "-" && before != "-" {
                        let (old, new) = (Vec::new(), Vec::new());
                        edits.push(Self { in_target, path: path.clone(), old, new });
                    }
                    let edit = edits.last_mut().filter(|_| mark == "-" || matches!(before, "-" | "+"));
                    let edit = edit.ok_or_else(|| format!("`{line}` stands behind no line `- old`"))?;
                    if mark == "-" { &mut edit.old } else { &mut edit.new }.push(rest.to_owned());
                }
                _ if line == "in target:" => (in_target, path) = (true, Vec::new()),
                _ => return Err(format!("`{line}` is no part of an edit")),
            }
            before = mark;
        }
        Ok(edits)
    }

    /// The text after the replacement.
    ///
    /// # Errors
    /// A path that leads nowhere, and an old text that is not there exactly once.
    pub fn apply(&self, text: &str) -> Result<String, String> {
        let block = self.path.iter().try_fold(0..text.len(), |block, word| {
            step(text, block, word)
                .ok_or_else(|| format!("`{}` leads nowhere at `{word}`", self.path.join(" ")))
        })?;
        let (old, new) = (self.old.join("\n"), self.new.join("\n"));
        if old.is_empty() || old == new {
            return Err(format!("an edit changes nothing of `{old}`"));
        }
        let found: Vec<usize> = text[block.clone()].match_indices(&old).map(|(at, _)| at).collect();
        let &[at] = &found[..] else {
            let path = self.path.join(" ");
            return Err(format!("`{old}` is {} times in `{path}`, expected once", found.len()));
        };
        let start = block.start + at;
        Ok(text[..start].to_owned() + &new + &text[start + old.len()..])
    }
}

/// The block inside `block` that `word` names.
fn step(text: &str, block: Range<usize>, word: &str) -> Option<Range<usize>> {
    let lines = lines(text, block);
    let own = indentation(&text[lines.first()?.clone()]);
    let deeper = lines[1..].iter().map(|line| indentation(&text[line.clone()])).find(|&deep| deep > own)?;
    let starts = |line: &Range<usize>| indentation(&text[line.clone()]) == deeper;
    let children: Vec<Range<usize>> = (1..lines.len())
        .filter(|&first| starts(&lines[first]))
        .map(|first| {
            let inside = |line: &&Range<usize>| indentation(&text[(*line).clone()]) > deeper;
            let last = lines[first + 1..].iter().take_while(inside).last().unwrap_or(&lines[first]);
            lines[first].start..last.end
        })
        .collect();
    let names = |child: &Range<usize>| {
        let content = &text[child.clone()];
        let line = content.trim_start();
        match word.as_bytes()[0] {
            b'"' => line.starts_with(&format!("{word}:")) || content.contains(&format!("name: {word},")),
            b'[' => line.starts_with(&format!("/*{word}*/")),
            _ => line.strip_prefix(word).is_some_and(|rest| rest.starts_with(':')),
        }
    };
    let mut found = children.into_iter().filter(names);
    found.next().filter(|_| found.next().is_none())
}

/// The lines of a block that are not blank.
fn lines(text: &str, block: Range<usize>) -> Vec<Range<usize>> {
    let mut start = block.start;
    let all = text[block].split_inclusive('\n').map(|line| {
        start += line.len();
        start - line.len()..start
    });
    all.filter(|line| !text[line.clone()].trim().is_empty() && !text[line.clone()].starts_with("//"))
        .collect()
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
