//! Spikes over time in one line of a terminal: eight heights, the highest of them the most spikes.

use super::data::Report;
use super::units::count;

/// Blank for nothing, then eight heights.
const HEIGHTS: [char; 9] =
    [' ', '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}', '\u{2588}'];
/// Most characters of the picture.
const WIDTH: usize = 32;

/// Spikes by iteration, or by timestep of items with one pass; nothing where neither is known or nothing fires.
pub(super) fn of(r: &Report) -> Option<String> {
    let passes: Vec<u64> = r.by_pass().map(|pass| pass.spikes).collect();
    let (what, all, each, spikes) = match &r.spikes_over_time {
        Some(over_time) => ("timestep", over_time.timesteps, over_time.timesteps_each, &over_time.spikes),
        None if passes.len() > 1 => {
            let what = if r.totals.images.is_some() { "iteration" } else { "pass" };
            (what, passes.len() as u64, 1, &passes)
        }
        None => return None,
    };
    let joined = spikes.len().div_ceil(WIDTH).max(1);
    let mean = |(at, part): (usize, &[u64])| {
        let begin = (at * joined) as u64 * each;
        let end = all.min(begin + part.len() as u64 * each);
        part.iter().sum::<u64>() as f64 / (end - begin).max(1) as f64
    };
    let means: Vec<f64> = spikes.chunks(joined).enumerate().map(mean).collect();
    let most = means.iter().copied().fold(0.0, f64::max);
    let highest = count((most / r.items().max(1) as f64).round() as u64);
    let one = if what == "iteration" { "an" } else { "a" };
    (most > 0.0).then(|| format!("spikes by {what} |{}| 0 to {highest} {one} {what}", draw(&means, most)))
}

/// A character a value; what is above 0 shows.
fn draw(values: &[f64], most: f64) -> String {
    let height = |value: f64| ((value / most * 8.0).round() as usize).clamp(usize::from(value > 0.0), 8);
    values.iter().map(|&value| HEIGHTS[height(value)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_are_shares_of_the_most_and_what_is_there_shows() {
        assert_eq!(draw(&[0.0, 0.01, 1.0, 4.0, 8.0, 6.0], 8.0), " \u{2581}\u{2581}\u{2584}\u{2588}\u{2586}");
    }

    #[test]
    fn long_series_are_put_together_and_fit_the_line() {
        let (report, text) = crate::report::fixture::run(snnc_simulator::time::Fidelity::Analytic, |input| {
            let mut report = input.report();
            let spikes: Vec<u64> = (0..1000).collect();
            report.spikes_over_time = Some(crate::report::data::SpikesOverTime::of(&spikes));
            (report.clone(), of(&report).unwrap())
        });
        let over_time = report.spikes_over_time.as_ref().unwrap();
        assert_eq!((over_time.spikes.len(), over_time.timesteps_each, over_time.timesteps), (500, 2, 1000));
        assert_eq!(over_time.spikes[3], 6 + 7);
        assert!(text.chars().count() <= 78 && text.contains("a timestep"), "{text}");
        let drawn: Vec<char> = text.split('|').nth(1).unwrap().chars().collect();
        assert_eq!((drawn.len(), drawn[drawn.len() - 1]), (32, '\u{2588}'), "{text}");
    }
}
