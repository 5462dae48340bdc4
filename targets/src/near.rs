//! Near names: what a misspelt name may have meant.
//!
//! Used by every message that says "no such ...". Bounded work: long names are compared by suffix only.

/// How many near names a message lists.
const SHOWN: usize = 3;
/// Longest name for which an edit distance is computed, in bytes.
const LONGEST: usize = 96;
/// Most candidates that are looked at.
const CANDIDATES: usize = 20_000;

/// Up to three candidates near `name`, nearest first, as "`a`, `b`"; `None` if none is near.
pub fn near(name: &str, candidates: &[&str]) -> Option<String> {
    let mut ranked: Vec<(usize, &str)> = candidates
        .iter()
        .take(CANDIDATES)
        .filter_map(|&candidate| rank(name, candidate).map(|rank| (rank, candidate)))
        .collect();
    ranked.sort_unstable();
    ranked.dedup();
    ranked.truncate(SHOWN);
    let quoted: Vec<_> = ranked.into_iter().map(|(_, candidate)| format!("`{candidate}`")).collect();
    (!quoted.is_empty()).then(|| quoted.join(", "))
}

/// 0 where one name is the other below a prefix (`module.x` and `x`) or in other case, else the number of edits
/// (a swap of neighbours is one) if it is small.
fn rank(name: &str, candidate: &str) -> Option<usize> {
    if below(name, candidate) || below(candidate, name) || name.eq_ignore_ascii_case(candidate) {
        return Some(0);
    }
    if name.len().max(candidate.len()) > LONGEST {
        return None;
    }
    let edits = strsim::osa_distance(name, candidate);
    // Of a name of two letters, two edits leave nothing.
    let most = (name.chars().count() / 4).max(2).min(name.chars().count().saturating_sub(1));
    (edits <= most).then_some(edits)
}

fn below(long: &str, short: &str) -> bool {
    !short.is_empty() && long.strip_suffix(short).is_some_and(|prefix| prefix.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_come_first_and_strangers_not_at_all() {
        let names = ["module.conv1.0.weight", "conv1.0.weigh", "memout.coef"];
        assert_eq!(near("conv1.0.weight", &names).unwrap(), "`module.conv1.0.weight`, `conv1.0.weigh`");
        assert_eq!(near("zzzzzzzz", &names), None);
    }

    #[test]
    fn case_and_swapped_letters_are_near() {
        assert_eq!(near("conv2d", &["Conv2d", "Concat"]).unwrap(), "`Conv2d`");
        assert_eq!(near("stirde", &["stride", "padding"]).unwrap(), "`stride`");
        assert_eq!(near("x", &["y"]), None);
    }
}
