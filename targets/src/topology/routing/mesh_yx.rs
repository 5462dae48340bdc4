//! A mesh without wrap-around links; packets go along Y, then along X.

use super::{Axis, MeshXy, Routing};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeshYx;

impl Routing for MeshYx {
    #[inline(always)]
    fn first(self) -> Axis {
        Axis::Y
    }

    #[inline(always)]
    fn steps(self, length: u32, from: u32, to: u32) -> i32 {
        MeshXy.steps(length, from, to)
    }

    #[inline(always)]
    fn wraps(self) -> bool {
        false
    }
}
