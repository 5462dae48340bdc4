//! Random tests that shrink: what a test decides comes from a short list of numbers, which proptest makes smaller while
//! the test still fails.
//!
//! Decisions ([`Random::between`], [`Random::one_in`]) shrink: a smaller number means a smaller or plainer network, and
//! 0 the smallest. What is drawn by the hundred, such as weights ([`Random::value`], [`Random::signed`]), comes from a
//! seed alone.

#![allow(dead_code, reason = "every test crate uses a part")]

use std::cell::RefCell;
use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// Decisions that shrink; those of a test beyond them come from the seed.
const DECISIONS: usize = 96;
/// Decisions are numbers below this.
const DECISION_END: u32 = 1 << 16;

/// Where a test's random numbers come from.
#[derive(Debug, Clone)]
pub struct Random {
    /// What a random case decides; none where all numbers follow from a seed.
    decisions: Option<VecDeque<u32>>,
    seed: u64,
}

impl Random {
    /// Numbers that follow from a seed and do not shrink.
    pub fn seeded(seed: u64) -> Self {
        Self { decisions: None, seed }
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    pub fn next(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A decision, `low..=high`; it shrinks to `low`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        let span = (high - low + 1) as u64;
        match self.decisions.as_mut().and_then(VecDeque::pop_front) {
            Some(decision) => low + (u64::from(decision) * span / u64::from(DECISION_END)) as usize,
            None => self.value(low, high),
        }
    }

    /// A decision, true once in `n` times; it shrinks to false.
    pub fn one_in(&mut self, n: u64) -> bool {
        match self.decisions {
            Some(_) => self.between(1, n as usize) == n as usize,
            None => self.value_one_in(n),
        }
    }

    /// As [`Random::one_in`], but draws nothing from a seed: the numbers after it stay what they are without it.
    pub fn aside_one_in(&mut self, n: u64) -> bool {
        match self.decisions {
            Some(_) => self.one_in(n),
            None => self.seed.is_multiple_of(n),
        }
    }

    /// One of many values, `low..=high`, from the seed.
    pub fn value(&mut self, low: usize, high: usize) -> usize {
        low + (self.next() % (high - low + 1) as u64) as usize
    }

    /// One of many values, true once in `n` times, from the seed.
    pub fn value_one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }

    /// One of many values, `-most..=most`, from the seed.
    pub fn signed(&mut self, most: i64) -> i64 {
        (self.next() % (2 * most + 1) as u64) as i64 - most
    }
}

/// Runs a test on `count` random cases, always the same for a `seed`, and panics with the smallest case that fails.
pub fn cases(count: u32, seed: u64, test: impl FnMut(&mut Random)) {
    let config =
        Config { cases: count, failure_persistence: None, max_shrink_time: 120_000, ..Config::default() };
    let mut start = [0; 32];
    start[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &start));
    let strategy = (vec(0..DECISION_END, DECISIONS), 0u64..1 << 32)
        .prop_map(|(decisions, seed)| Random { decisions: Some(decisions.into()), seed });
    let test = RefCell::new(test);
    let result = runner.run(&strategy, |mut random| {
        test.borrow_mut()(&mut random);
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, random)) => panic!("{reason}\nthe smallest case that fails: {random:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}
