//! Where the positions of fused slices lie: one after another, or several side by side in a line.
//!
//! Positions of few channels leave most lanes of a line empty. Those of a small rectangle then share one: a spike that
//! reaches several of them brings one row to all, and their neurons are stepped together.

use crate::execute::kernels::LANES;

/// Order of the positions of fused slices. A place is where a position comes in it.
#[derive(Debug, Clone)]
pub struct PositionOrder {
    /// Positions that lie side by side in a line.
    pub together: usize,
    /// Position of the tile, row-major, at each place; those of a line are consecutive places.
    pub locals: Vec<usize>,
}

impl PositionOrder {
    /// One after another, as in the tile.
    pub fn one_by_one(positions: usize) -> Self {
        Self { together: 1, locals: (0..positions).collect() }
    }

    /// As many to a line as fit of `lanes` each, and as a rectangle that cuts a tile of rows and columns without a
    /// rest.
    pub fn in_rectangles([rows, cols]: [usize; 2], lanes: usize) -> Self {
        let [height, width] = rectangle([rows, cols], LANES / lanes.max(1));
        let corners = (0..rows).step_by(height).flat_map(|y| (0..cols).step_by(width).map(move |x| (y, x)));
        let of_rectangle = |(y, x)| {
            (y..y + height).flat_map(move |y| (x..x + width).map(move |x| y * cols + x)).collect::<Vec<_>>()
        };
        Self { together: height * width, locals: corners.flat_map(of_rectangle).collect() }
    }

    /// The place of each position of the tile.
    pub fn places(&self) -> Vec<u32> {
        let mut places = vec![0; self.locals.len()];
        (0..).zip(&self.locals).for_each(|(place, &local)| places[local] = place);
        places
    }
}

/// Height and width of the largest rectangle of at most so many positions that cuts a tile without a rest; of equal
/// ones that with the shortest sides, whose positions have most sources in common, and then the wider one.
fn rectangle([rows, cols]: [usize; 2], most: usize) -> [usize; 2] {
    let divisors = |n: usize| (1..=n.min(most)).filter(move |side| n.is_multiple_of(*side));
    let all = divisors(rows).flat_map(|height| divisors(cols).map(move |width| [height, width]));
    let fits = all.filter(|[height, width]| height * width <= most);
    let best = fits.max_by_key(|[height, width]| (height * width, std::cmp::Reverse(height + width), *width));
    best.unwrap_or([1, 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_fill_lines_and_cut_tiles_without_a_rest() {
        assert_eq!(rectangle([14, 14], 4), [2, 2]);
        assert_eq!(rectangle([28, 28], 8), [2, 4]);
        assert_eq!(rectangle([7, 7], 4), [1, 1]);
        assert_eq!(rectangle([7, 7], 8), [1, 7]);
        assert_eq!(rectangle([1, 12], 5), [1, 4]);
        assert_eq!(rectangle([3, 5], 0), [1, 1]);
    }

    #[test]
    fn every_position_has_one_place() {
        for (tile, lanes, together) in [([4, 6], 16, 4), ([4, 6], 40, 1), ([2, 2], 7, 4)] {
            let order = PositionOrder::in_rectangles(tile, lanes);
            assert_eq!(order.together, together);
            let places = order.places();
            let back: Vec<usize> = places.iter().map(|&place| order.locals[place as usize]).collect();
            assert_eq!(back, (0..tile[0] * tile[1]).collect::<Vec<_>>());
        }
        assert_eq!(PositionOrder::in_rectangles([4, 6], 16).locals[..8], [0, 1, 6, 7, 2, 3, 8, 9]);
    }
}
