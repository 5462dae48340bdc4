//! A torus: every row and every column is a ring. Packets go the shorter way round along X, then along Y; where both
//! ways are as long, towards larger coordinates.

use super::{Axis, Routing};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TorusXy;

impl Routing for TorusXy {
    #[inline(always)]
    fn first(self) -> Axis {
        Axis::X
    }

    #[inline(always)]
    fn steps(self, length: u32, from: u32, to: u32) -> i32 {
        let (length, upwards) = (length as i32, to as i32 - from as i32);
        let upwards = if upwards < 0 { upwards + length } else { upwards };
        if 2 * upwards <= length { upwards } else { upwards - length }
    }

    #[inline(always)]
    fn wraps(self) -> bool {
        true
    }
}
