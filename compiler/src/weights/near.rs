//! Near names: what a misspelt name may have meant.
//!
//! Used by every diagnostic of this crate that says "no such ...". Bounded work: long names are compared by suffix only.

/// How many near names a message lists.
const SHOWN: usize = 3;
/// Longest name for which an edit distance is computed, in bytes.
const LONGEST: usize = 96;
/// Most candidates that are looked at.
const CANDIDATES: usize = 20_000;

/// Up to three candidates near `name`, nearest first, as "`a`, `b`"; `None` if none is near.
pub(crate) fn near(name: &str, candidates: &[&str]) -> Option<String> {
    let mut ranked: Vec<(usize, &str)> = candidates
        .iter()
        .take(CANDIDATES)
        .filter_map(|&candidate| rank(name, candidate).map(|rank| (rank, candidate)))
        .collect();
    ranked.sort_unstable();
    ranked.truncate(SHOWN);
    let quoted: Vec<_> = ranked.into_iter().map(|(_, candidate)| format!("`{candidate}`")).collect();
    (!quoted.is_empty()).then(|| quoted.join(", "))
}

/// 0 where one name is the other below a prefix (`module.x` and `x`), else the edit distance if it is small.
fn rank(name: &str, candidate: &str) -> Option<usize> {
    if below(name, candidate) || below(candidate, name) {
        return Some(0);
    }
    if name.len().max(candidate.len()) > LONGEST {
        return None;
    }
    let distance = distance(name.as_bytes(), candidate.as_bytes());
    (distance <= (name.len() / 4).max(2)).then_some(distance)
}

fn below(long: &str, short: &str) -> bool {
    !short.is_empty() && long.strip_suffix(short).is_some_and(|prefix| prefix.ends_with('.'))
}

/// Levenshtein distance.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_levenshtein() {
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!(distance(b"", b"ab"), 2);
        assert_eq!(distance(b"conv", b"conv"), 0);
    }

    #[test]
    fn prefixes_come_first_and_strangers_not_at_all() {
        let names = ["module.conv1.0.weight", "conv1.0.weigh", "memout.coef"];
        assert_eq!(near("conv1.0.weight", &names).unwrap(), "`module.conv1.0.weight`, `conv1.0.weigh`");
        assert_eq!(near("zzzzzzzz", &names), None);
    }
}
