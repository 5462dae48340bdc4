//! Random tests shrink: who reads a failure reads the smallest case.

use crate::random::cases;

#[test]
fn the_smallest_case_that_fails_is_told() {
    let failed = std::panic::catch_unwind(|| {
        cases(50, 3, |random| {
            let (length, plain) = (random.between(0, 100), !random.one_in(4));
            assert!(length < 10 || plain, "{length} is too long");
        });
    });
    let message = failed.unwrap_err().downcast::<String>().unwrap();
    assert!(message.starts_with("10 is too long"), "{message}");
    // 6489 of 65536 is the first that means 10 of 0 to 100, 49152 the first of the last quarter.
    assert!(message.contains("decisions: Some([6489, 49152, 0, 0, "), "{message}");
}

#[test]
fn a_seed_gives_the_same_cases() {
    let drawn = |seed| {
        let mut all = Vec::new();
        cases(20, seed, |random| all.push((random.between(0, 1000), random.signed(50))));
        all
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
    assert!(drawn(1).iter().all(|&(a, b)| a <= 1000 && b.abs() <= 50));
}
