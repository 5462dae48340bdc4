//! Sharing few threshold profiles among many channels.

/// Replaces each value by one of at most `count` values, never a larger one, so that what fitted before still fits.
///
/// Minimises the sum of squared rounding steps, sum over channels of 1 / value^2 (a weight's rounding error is
/// uniform with a width of 1 / threshold), exactly: dynamic programming over the sorted values.
pub fn share(values: &[u32], count: usize) -> Vec<u32> {
    let mut sorted: Vec<u32> = values.to_vec();
    sorted.sort_unstable();
    let n = sorted.len();
    // best[k][j]: least cost of the j smallest values in k groups; from[k][j]: start of the last group.
    let mut best = vec![vec![f64::INFINITY; n + 1]; count + 1];
    let mut from = vec![vec![0; n + 1]; count + 1];
    best[0][0] = 0.0;
    for k in 1..=count {
        for j in 0..=n {
            best[k][j] = best[k - 1][j];
            from[k][j] = j;
            for i in 0..j {
                let step = 1.0 / f64::from(sorted[i]);
                let cost = best[k - 1][i] + (j - i) as f64 * step * step;
                if cost < best[k][j] {
                    best[k][j] = cost;
                    from[k][j] = i;
                }
            }
        }
    }
    let mut floors = Vec::new();
    let mut end = n;
    for k in (1..=count).rev() {
        let start = from[k][end];
        if start < end {
            floors.push(sorted[start]);
        }
        end = start;
    }
    floors.reverse();
    // The smallest value starts the first group, so every value has a floor.
    values.iter().map(|&v| floors[floors.partition_point(|&f| f <= v) - 1]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_stay_many_are_floored_to_the_best_groups() {
        assert_eq!(share(&[7, 3, 7, 9], 3), [7, 3, 7, 9]);
        assert_eq!(share(&[100, 101, 10, 11, 12], 2), [100, 100, 10, 10, 10]);
        assert_eq!(share(&[5, 6, 7], 1), [5, 5, 5]);
        let many: Vec<u32> = (0..300).map(|i| 100 + i * 37 % 251).collect();
        let shared = share(&many, 16);
        let distinct: std::collections::BTreeSet<_> = shared.iter().collect();
        assert!(distinct.len() <= 16);
        assert!(many.iter().zip(&shared).all(|(v, s)| s <= v && f64::from(v - s) < 0.2 * f64::from(*v)));
    }
}
