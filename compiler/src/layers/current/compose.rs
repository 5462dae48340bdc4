//! One kernel after another as one kernel.
//!
//! Along an axis tap k of a kernel joins source i and target o where `o A = i B + c(k)`: A is the stride of a
//! convolution, B that of a transposed one, the other is 1. Two such relations in a row are one of the same form,
//! `o (A1 A2) = i (B1 B2) + (B2 c1 + A1 c2)`, if the map between them has a place for every (i, o) that it joins: A1
//! and B2 have no common factor, and no tap leads through a place beside the map, which holds 0 where the single
//! kernel would find spikes.

use crate::ir::{AxisMap, ConvMap};

/// Largest number in an axis of the spiking IR.
const MOST: i64 = 1 << 16;
/// Most taps of a composed kernel along one axis.
const TAPS_MOST: usize = 1 << 12;

/// Most pairs of taps along one axis.
const PAIRS_MOST: usize = 1 << 20;
const TOO_LARGE: &str = "both together are too large for one kernel";

/// A kernel that does the work of two.
#[derive(Debug, Clone, PartialEq)]
pub struct Composed {
    /// From the first kernel's sources to the second one's targets.
    pub map: ConvMap,
    rows: AxisTaps,
    cols: AxisTaps,
}

/// Along one axis: the tap of (second kernel's tap, first kernel's tap), if the two ever meet.
type AxisTaps = Vec<Vec<Option<usize>>>;

impl Composed {
    /// Taps of the kernel.
    pub fn taps(&self) -> usize {
        self.map.rows.kernel * self.map.cols.kernel
    }

    /// Calls `f(tap, first's tap, second's tap)` for all pairs of taps that meet; taps count row by row.
    pub fn each(&self, first: &ConvMap, second: &ConvMap, mut f: impl FnMut(usize, usize, usize)) {
        for (ky, down) in self.rows.iter().enumerate() {
            for (kx, along) in self.cols.iter().enumerate() {
                for (jy, row) in down.iter().enumerate() {
                    for (jx, column) in along.iter().enumerate() {
                        if let (Some(row), Some(column)) = (row, column) {
                            let tap = row * self.map.cols.kernel + column;
                            f(tap, jy * first.cols.kernel + jx, ky * second.cols.kernel + kx);
                        }
                    }
                }
            }
        }
    }
}

/// `second` after `first`.
///
/// # Errors
/// Why the two are no single kernel.
pub fn compose(first: &ConvMap, second: &ConvMap) -> Result<Composed, &'static str> {
    let (rows, down) = axis(&first.rows, &second.rows)?;
    let (cols, along) = axis(&first.cols, &second.cols)?;
    Ok(Composed { map: ConvMap { rows, cols }, rows: down, cols: along })
}

/// `o a = i b + c(k)`.
struct Relation {
    a: i64,
    b: i64,
    c: Vec<i64>,
}

impl Relation {
    fn new(axis: &AxisMap) -> Self {
        let (stride, padding) = (axis.stride as i64, axis.padding as i64);
        let reach = |k: usize| ((axis.first_tap + k) * axis.dilation) as i64;
        let (a, b, sign) = if axis.transposed { (1, stride, 1) } else { (stride, 1, -1) };
        Self { a, b, c: (0..axis.kernel).map(|k| sign * (reach(k) - padding)).collect() }
    }
}

fn axis(first: &AxisMap, second: &AxisMap) -> Result<(AxisMap, AxisTaps), &'static str> {
    let all = |taps: usize| (0..taps).map(Some);
    if *first == AxisMap::pointwise(first.input) {
        return Ok((*second, all(second.kernel).map(|tap| vec![tap]).collect()));
    }
    if *second == AxisMap::pointwise(second.output) {
        return Ok((*first, vec![all(first.kernel).collect()]));
    }
    if first.kernel.saturating_mul(second.kernel) > PAIRS_MOST {
        return Err(TOO_LARGE);
    }
    let (one, two) = (Relation::new(first), Relation::new(second));
    if gcd(one.a, two.b) != 1 {
        return Err("strides of both do not make one pattern");
    }
    beside_the_map(first, second, &one, &two)?;
    let (a, b) = (one.a * two.a, one.b * two.b);
    let common = gcd(a, b);
    let sums = two.c.iter().map(|c2| one.c.iter().map(|c1| two.b * c1 + one.a * c2).collect::<Vec<_>>());
    let offsets: Vec<Vec<Option<i64>>> =
        sums.map(|row| row.into_iter().map(|c| (c % common == 0).then_some(c / common)).collect()).collect();
    let axis = Pattern { a: a / common, b: b / common }.axis(&offsets, (first.input, second.output))?;
    let (sign, start) = (if axis.transposed { 1 } else { -1 }, axis.padding as i64);
    let tap = |c: i64| ((sign * c + start) / axis.dilation as i64) as usize;
    let taps = offsets.iter().map(|row| row.iter().map(|c| c.map(tap)).collect()).collect();
    Ok((axis, taps))
}

/// Strides of a composed axis.
struct Pattern {
    a: i64,
    b: i64,
}

impl Pattern {
    /// The axis whose taps have these offsets.
    fn axis(
        &self,
        offsets: &[Vec<Option<i64>>],
        (input, output): (usize, usize),
    ) -> Result<AxisMap, &'static str> {
        let transposed = self.b > 1;
        if transposed && self.a > 1 {
            return Err("strides of both do not make one pattern");
        }
        // Distances from the first tap, as the axis counts them.
        let sign = if transposed { 1 } else { -1 };
        let mut all: Vec<i64> = offsets.iter().flatten().flatten().map(|c| sign * c).collect();
        all.sort_unstable();
        all.dedup();
        let (Some(&start), Some(&end)) = (all.first(), all.last()) else {
            return Err("no tap of one ever meets a tap of the other");
        };
        let dilation = all.iter().fold(0, |common, c| gcd(common, c - start)).max(1);
        if (end - start) / dilation + 1 != all.len() as i64 {
            return Err("the taps of both together leave gaps, which would be synapses of weight 0");
        }
        if start > 0 {
            return Err("the taps of both together start inside the map");
        }
        let (stride, kernel) = (self.a.max(self.b), all.len());
        if stride.max(-start).max(dilation) > MOST || kernel > TAPS_MOST {
            return Err(TOO_LARGE);
        }
        let (stride, padding, dilation) = (stride as usize, -start as usize, dilation as usize);
        Ok(AxisMap { kernel, first_tap: 0, stride, padding, dilation, transposed, input, output })
    }
}

/// Refuses pairs where a tap of `second` reads beside the map between both, where `first` would still find sources.
fn beside_the_map(
    first: &AxisMap,
    second: &AxisMap,
    one: &Relation,
    two: &Relation,
) -> Result<(), &'static str> {
    let (last, between) = (second.output as i64 - 1, first.output as i64);
    let read = |m: i64| {
        two.c.iter().any(|c| {
            let dividend = m * two.b + c;
            dividend % two.a == 0 && (0..=last).contains(&(dividend / two.a))
        })
    };
    let found = |m: i64| {
        one.c.iter().any(|c| {
            let dividend = m * one.a - c;
            dividend % one.b == 0 && (0..first.input as i64).contains(&(dividend / one.b))
        })
    };
    // All sources of m lie before the map, or all behind it; so do those of whatever lies farther out.
    let gone = |m: i64, below: bool| {
        let sources = || one.c.iter().map(|c| m * one.a - c);
        if below { sources().all(|i| i < 0) } else { sources().all(|i| i >= first.input as i64 * one.b) }
    };
    let ends = |o: i64| two.c.iter().map(move |c| (o * two.a - c).div_euclid(two.b));
    let (least, most) = (ends(0).min().unwrap_or(0), ends(last).max().unwrap_or(0));
    let low = (least..0).rev().take_while(|&m| !gone(m, true));
    let high = (between..=most).take_while(|&m| !gone(m, false));
    // What lies far beside the map is not looked at, and so not admitted.
    let wrong = low.chain(high).enumerate().any(|(n, m)| n as i64 >= MOST || (read(m) && found(m)));
    match wrong {
        true => Err(
            "the second reads beside the map that the first gives, where the first would still find spikes",
        ),
        false => Ok(()),
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every (source, target) with the pairs of taps that join them, by going through the map between.
    fn by_steps(first: &AxisMap, second: &AxisMap) -> Vec<(usize, usize, usize, usize)> {
        let mut all = Vec::new();
        for i in 0..first.input {
            for (m, j) in first.reach(i, 0..first.output) {
                all.extend(second.reach(m, 0..second.output).into_iter().map(|(o, k)| (i, o, j, k)));
            }
        }
        all.sort_unstable();
        all
    }

    fn at_once(axis: &AxisMap, taps: &AxisTaps) -> Vec<(usize, usize, usize, usize)> {
        let mut all = Vec::new();
        for i in 0..axis.input {
            for (o, tap) in axis.reach(i, 0..axis.output) {
                for (k, row) in taps.iter().enumerate() {
                    let joined = row.iter().enumerate().filter(|(_, found)| **found == Some(tap));
                    all.extend(joined.map(|(j, _)| (i, o, j, k)));
                }
            }
        }
        all.sort_unstable();
        all
    }

    fn axes(input: usize) -> Vec<AxisMap> {
        let mut all = Vec::new();
        for transposed in [false, true] {
            for kernel in 1..=3 {
                for (stride, padding, dilation) in
                    [(1, 0, 1), (1, 1, 1), (2, 0, 1), (2, 1, 1), (3, 0, 1), (1, 2, 2), (2, 0, 2)]
                {
                    let output = match transposed {
                        true => AxisMap::transposed_output(input, kernel, stride, padding, dilation, 0),
                        false => AxisMap::conv_output(input, kernel, stride, padding, dilation),
                    };
                    let Some(output) = output.filter(|&output| output > 0) else { continue };
                    all.push(AxisMap {
                        kernel,
                        first_tap: 0,
                        stride,
                        padding,
                        dilation,
                        transposed,
                        input,
                        output,
                    });
                }
            }
        }
        all
    }

    #[test]
    fn a_composed_axis_joins_what_both_join_in_a_row() {
        let (mut exact, mut refused) = (0, 0);
        for input in [5, 6, 9] {
            for first in axes(input) {
                for second in axes(first.output) {
                    match axis(&first, &second) {
                        Ok((composed, taps)) => {
                            exact += 1;
                            assert_eq!(
                                at_once(&composed, &taps),
                                by_steps(&first, &second),
                                "{first:?} {second:?}"
                            );
                        }
                        Err(_) => refused += 1,
                    }
                }
            }
        }
        assert!(exact > 1_000 && refused > 500, "{exact} exact, {refused} refused");
    }

    #[test]
    fn a_pool_before_a_convolution_is_one_kernel_unless_it_cuts_a_rest_off() {
        let pool = |input: usize| AxisMap {
            kernel: 2,
            stride: 2,
            input,
            output: input / 2,
            ..AxisMap::pointwise(0)
        };
        let conv = |input| AxisMap { kernel: 3, padding: 1, input, output: input, ..AxisMap::pointwise(0) };
        let (whole, _) = axis(&pool(8), &conv(4)).unwrap();
        assert_eq!((whole.kernel, whole.stride, whole.padding, whole.dilation), (6, 2, 2, 1));
        assert!(axis(&pool(9), &conv(4)).unwrap_err().contains("beside the map"));
        // Without padding nothing beside the map is read.
        let valid = AxisMap { kernel: 3, input: 4, output: 2, ..AxisMap::pointwise(0) };
        assert_eq!(axis(&pool(9), &valid).unwrap().0.kernel, 6);
        let dilated = AxisMap { dilation: 2, input: 4, output: 0, ..valid };
        assert!(axis(&pool(8), &dilated).unwrap_err().contains("gaps"));
    }
}
