//! What goes from layer to layer: maps of f64, and how they go with time.

use rayon::prelude::*;
use snnc_targets::{Code, Diagnostic, Subject};

use crate::ir::Shape;

/// A map `[c, h, w]`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    shape: Shape,
    /// Values; as many as the shape has elements.
    pub data: Vec<f64>,
}

impl Map {
    /// A map of values from elsewhere, which are to be the input of `network`.
    ///
    /// # Errors
    /// [`Code::LayerShape`] if there are not as many as the shape has elements.
    pub fn checked(shape: Shape, data: Vec<f64>, network: &str) -> Result<Self, Diagnostic> {
        if data.len() == shape.len() {
            return Ok(Self { shape, data });
        }
        let message = format!("{} input values found, {} expected for {shape}", data.len(), shape.len());
        Err(Diagnostic::new(Code::LayerShape, Subject::Network(network.into()), message))
    }

    /// A map; panics if the lengths disagree (an internal invariant: [`Map::checked`] is for values from elsewhere).
    pub fn new(shape: Shape, data: Vec<f64>) -> Self {
        assert_eq!(shape.len(), data.len(), "map data must fill its shape {shape}");
        Self { shape, data }
    }

    /// A map of equal values.
    pub fn filled(shape: Shape, value: f64) -> Self {
        Self { shape, data: vec![value; shape.len()] }
    }

    /// `[c, h, w]`.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// One channel, `[h, w]`.
    pub fn channel(&self, c: usize) -> &[f64] {
        let n = self.shape.positions();
        &self.data[c * n..(c + 1) * n]
    }

    /// One channel, `[h, w]`.
    pub fn channel_mut(&mut self, c: usize) -> &mut [f64] {
        let n = self.shape.positions();
        &mut self.data[c * n..(c + 1) * n]
    }
}

/// Output of a layer.
#[derive(Debug, Clone, PartialEq)]
pub enum Signal {
    /// The same map in every timestep.
    Constant(Map),
    /// One map a timestep, oldest first.
    Series(Vec<Map>),
    /// One map after the last timestep.
    Final(Map),
}

impl Signal {
    /// A signal of this kind whose maps are `f` of these; timesteps are independent of each other, so all cores take
    /// part.
    pub fn each(&self, f: impl Fn(&Map) -> Map + Sync) -> Self {
        match self {
            Self::Constant(map) => Self::Constant(f(map)),
            Self::Series(maps) => Self::Series(maps.par_iter().map(&f).collect()),
            Self::Final(map) => Self::Final(f(map)),
        }
    }

    /// A signal of this kind whose maps `f` makes of all of these at once, as many and in their order.
    pub(crate) fn together(&self, f: impl FnOnce(&[Map]) -> Vec<Map>) -> Self {
        let mut maps = f(self.steps());
        assert_eq!(maps.len(), self.steps().len(), "a layer gives a map for each that it reads");
        match self {
            Self::Constant(_) => Self::Constant(maps.swap_remove(0)),
            Self::Series(_) => Self::Series(maps),
            Self::Final(_) => Self::Final(maps.swap_remove(0)),
        }
    }

    /// What `f` makes of several signals: a series if one of them is, else of the kind of the first.
    pub fn joined(inputs: &[&Self], timesteps: usize, f: impl Fn(&[&Map]) -> Map) -> Self {
        let at = |t: usize| f(&inputs.iter().map(|signal| signal.at(t)).collect::<Vec<_>>());
        if inputs.iter().any(|signal| matches!(signal, Self::Series(_))) {
            return Self::Series((0..timesteps).map(at).collect());
        }
        match inputs.first() {
            Some(Self::Final(_)) => Self::Final(at(0)),
            _ => Self::Constant(at(0)),
        }
    }

    /// The map of timestep `t`; that of a signal without timesteps is the same for all `t`.
    pub fn at(&self, t: usize) -> &Map {
        match self {
            Self::Constant(map) | Self::Final(map) => map,
            Self::Series(maps) => &maps[t],
        }
    }

    /// All maps: one a timestep, or the only one.
    pub fn steps(&self) -> &[Map] {
        match self {
            Self::Constant(map) | Self::Final(map) => std::slice::from_ref(map),
            Self::Series(maps) => maps,
        }
    }

    /// The map of a signal that shape inference knows to have only one; panics otherwise.
    pub fn only(&self) -> &Map {
        match self {
            Self::Constant(map) | Self::Final(map) => map,
            Self::Series(_) => panic!("shape inference admits no series here"),
        }
    }
}
