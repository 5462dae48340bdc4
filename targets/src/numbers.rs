//! Whole numbers for people: thousands apart, and what is counted in its number.

/// `1,234,567`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 core`, `2,000 cores`: a count of something whose plural ends in an s, or is given as `vertex|vertices`.
pub fn counted(value: u64, noun: &str) -> String {
    let (one, more) = noun.split_once('|').unwrap_or((noun, ""));
    match (value, more) {
        (1, _) => format!("1 {one}"),
        (_, "") => format!("{} {one}s", count(value)),
        (_, more) => format!("{} {more}", count(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_plurals() {
        assert_eq!([count(0), count(999), count(1000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        let cores = [0, 1, 2, 2000].map(|number| counted(number, "core"));
        assert_eq!(cores, ["0 cores", "1 core", "2 cores", "2,000 cores"]);
        assert_eq!([1, 2].map(|number| counted(number, "vertex|vertices")), ["1 vertex", "2 vertices"]);
    }
}
