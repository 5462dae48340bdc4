//! Ranks: processes, or threads of one, that do one piece of work together and exchange words in between.
//!
//! All ranks call the same exchanges in the same order; each waits until all have come. Who the ranks are is the
//! business of whoever implements [`Exchange`]: threads of this process here ([`threads`]), processes of an MPI job
//! elsewhere. Nothing here decides what is exchanged.

pub mod threads;

use std::fmt::Debug;

/// What one of several ranks knows of the others.
pub trait Exchange: Debug + Send + Sync {
    /// The number of this rank, from 0.
    fn rank(&self) -> usize;

    /// How many ranks there are.
    fn ranks(&self) -> usize;

    /// Gives words to all ranks; the words that each gave, by rank. The ranks need not give equally many.
    fn gather(&self, own: &[u32]) -> Vec<Vec<u32>>;

    /// Gives a text to all ranks; the text that each gave, by rank.
    fn gather_texts(&self, own: &str) -> Vec<String> {
        let own: Vec<u32> = own.chars().map(u32::from).collect();
        let text = |words: Vec<u32>| words.into_iter().filter_map(char::from_u32).collect();
        self.gather(&own).into_iter().map(text).collect()
    }
}

/// Words of 64 bits as pairs of words of 32, the lower one first.
pub fn halves(words: impl IntoIterator<Item = u64>) -> Vec<u32> {
    words.into_iter().flat_map(|word| [word as u32, (word >> 32) as u32]).collect()
}

/// The reverse of [`halves`].
pub fn wholes(words: &[u32]) -> impl Iterator<Item = u64> + '_ {
    words.as_chunks::<2>().0.iter().map(|&[low, high]| u64::from(low) | u64::from(high) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_words_survive_being_cut() {
        let words = [0, 1, u64::from(u32::MAX), 1 << 32, u64::MAX - 7];
        let cut = halves(words);
        assert_eq!(cut.len(), 2 * words.len());
        assert_eq!(wholes(&cut).collect::<Vec<_>>(), words);
    }

    #[test]
    fn every_rank_is_told_what_each_gave_round_after_round() {
        for ranks in [1, 2, 4] {
            let told = threads::together(ranks, |exchange| {
                let (rank, mut told) = (exchange.rank() as u32, Vec::new());
                for round in 0..50 {
                    // Ranks give as many words as their number says, also none.
                    told.push(exchange.gather(&vec![100 * round + rank; rank as usize]));
                }
                (told, exchange.gather_texts(&"ä\u{1f600}x".repeat(exchange.rank())))
            });
            for (told, texts) in told {
                for (round, gathered) in told.into_iter().enumerate() {
                    let given = |rank: usize| vec![(100 * round + rank) as u32; rank];
                    assert_eq!(gathered, (0..ranks).map(given).collect::<Vec<_>>());
                }
                assert_eq!(texts, (0..ranks).map(|rank| "ä\u{1f600}x".repeat(rank)).collect::<Vec<_>>());
            }
        }
    }
}
