//! A mesh without wrap-around links; packets go along X, then along Y.

use super::{Axis, Routing};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeshXy;

impl Routing for MeshXy {
    #[inline(always)]
    fn first(self) -> Axis {
        Axis::X
    }

    #[inline(always)]
    fn steps(self, _: u32, from: u32, to: u32) -> i32 {
        to as i32 - from as i32
    }

    #[inline(always)]
    fn wraps(self) -> bool {
        false
    }
}
