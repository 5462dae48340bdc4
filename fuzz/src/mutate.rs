//! Damage: to bytes, and to texts word by word so that most of what is made still parses.

use crate::random::Random;

/// What stands in the place of a number of a text.
const NUMBERS: [&str; 16] = [
    "0",
    "1",
    "2",
    "-1",
    "255",
    "65536",
    "2147483648",
    "4294967295",
    "18446744073709551615",
    "1e300",
    "-1e-300",
    "NaN",
    "inf",
    "0.5",
    "Some(1)",
    "None",
];
/// Longest input that is made.
const LONGEST: usize = 1 << 20;

/// Damages bytes in one to four places.
pub fn bytes(random: &mut Random, input: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..1 + random.below(4) {
        let at = random.below(input.len());
        let span = at..(at + 1 + random.below(16)).min(input.len());
        match random.below(9) {
            0 if !input.is_empty() => input[at] ^= 1 << random.below(8),
            1 if !input.is_empty() => input[at] = random.word() as u8,
            2 => overwrite(input, at, &random.edge().to_le_bytes()[..1 << random.below(4)]),
            3 => overwrite(input, at, &random.edge().to_be_bytes()[8 - (1 << random.below(4))..]),
            4 => drop(input.drain(span)),
            5 => input.truncate(at),
            6 => {
                let copy = input[span].to_vec();
                insert(input, random.below(input.len() + 1), &copy);
            }
            7 => {
                let from = random.below(other.len());
                let piece = &other[from..(from + random.below(64)).min(other.len())];
                insert(input, at, piece);
            }
            _ => insert(input, at, &vec![random.word() as u8; random.below(32)]),
        }
    }
}

fn overwrite(input: &mut [u8], at: usize, with: &[u8]) {
    input[at..].iter_mut().zip(with).for_each(|(byte, &new)| *byte = new);
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    if input.len() + piece.len() <= LONGEST {
        input.splice(at..at, piece.iter().copied());
    }
}

/// Damages a text in one to four places: numbers, words, brackets, lines; at times as bytes.
pub fn text(random: &mut Random, input: &mut Vec<u8>, other: &[u8]) {
    if random.one_in(8) {
        return bytes(random, input, other);
    }
    let text = String::from_utf8_lossy(input).into_owned();
    let mut words = words(&text);
    for _ in 0..1 + random.below(4) {
        let numbers: Vec<usize> =
            (0..words.len()).filter(|&i| words[i].starts_with(|c: char| c.is_ascii_digit())).collect();
        let at = random.below(words.len());
        match random.below(8) {
            0..=3 if !numbers.is_empty() => {
                let at = *random.pick(&numbers);
                words[at] = if random.one_in(2) {
                    random.edge().to_string()
                } else {
                    (*random.pick(&NUMBERS)).into()
                };
            }
            4 if !words.is_empty() => {
                let from = random.below(words.len());
                words[at] = words[from].clone();
            }
            5 if !words.is_empty() => {
                let end = (at + 1 + random.below(12)).min(words.len());
                words.drain(at..end);
            }
            6 if text.len() * 2 < LONGEST => {
                let end = (at + 1 + random.below(40)).min(words.len());
                let copy = words[at.min(end)..end].to_vec();
                words.splice(at..at, copy);
            }
            7 => {
                let deep = 1 << random.below(16);
                let (open, close) = *random.pick(&[("(", ")"), ("[", "]"), ("{", "}"), ("Some(", ")")]);
                let nest =
                    open.repeat(deep) + &if random.one_in(2) { close.repeat(deep) } else { String::new() };
                words.insert(at, nest);
            }
            _ => words.insert(at, " ".into()),
        }
    }
    *input = words.concat().into_bytes();
    input.truncate(LONGEST);
}

/// A text in words, numbers, gaps and single signs.
fn words(text: &str) -> Vec<String> {
    let kind = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' => 0,
        ' ' | '\n' | '\t' => 1,
        _ => 2,
    };
    let mut words: Vec<String> = Vec::new();
    let mut last = 2;
    for c in text.chars() {
        match words.last_mut() {
            Some(word) if kind(c) == last && last < 2 => word.push(c),
            _ => words.push(c.into()),
        }
        last = kind(c);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_join_to_their_text_and_damage_keeps_within_bounds() {
        let source = "(name: \"a\", shape: (1, 12), // x\n  values: [0.5, -3])";
        assert_eq!(words(source).concat(), source);
        for seed in 0..2000 {
            let mut random = Random::new(seed);
            for damage in [bytes, text] {
                let mut input = if seed % 7 == 0 { Vec::new() } else { source.as_bytes().to_vec() };
                damage(&mut random, &mut input, b"other");
                assert!(input.len() <= LONGEST);
            }
        }
    }
}
