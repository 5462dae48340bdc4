//! The registry of codes: one line a code; the page that `snnc explain` prints is `pages/CODE.md`.
//!
//! `E` codes stop the command; after a `W` code the work goes on. A code keeps its meaning for good.

use std::fmt;
use std::str::FromStr;

macro_rules! codes {
    ($($name:ident $code:literal $title:literal;)*) => {
        /// Stable codes of errors and warnings.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $(#[doc = $title] $name,)* }

        impl Code {
            /// Every code, ascending.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// `E0007`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code,)* }
            }

            /// A title of a few words.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }

            /// The page that `snnc explain` prints: what it means, an example, a remedy.
            pub fn page(self) -> &'static str {
                match self { $(Code::$name => include_str!(concat!("pages/", $code, ".md")),)* }
            }
        }

        impl FromStr for Code {
            type Err = ();

            /// Parses `E0007`, case-insensitively.
            fn from_str(text: &str) -> Result<Self, ()> {
                $(if text.eq_ignore_ascii_case($code) { return Ok(Code::$name); })*
                Err(())
            }
        }
    };
}

codes! {
    FileUnreadable "E0001" "file cannot be read";
    RonSyntax "E0002" "RON file does not parse";
    TargetInvalid "E0003" "target description is contradictory";
    TargetUnknown "E0004" "no such target";
    TensorMissing "E0005" "tensor not in the weight file";
    TensorShape "E0006" "tensor has the wrong shape or type";
    LayerShape "E0007" "layer shapes do not fit";
    WeightsMalformed "E0008" "weight file is malformed";
    PickleRefused "E0009" "pickle asks for code";
    GraphInvalid "E0010" "layer graph is malformed";
    Unsupported "E0011" "not supported on chip";
    Quantise "E0012" "weights cannot be quantised";
    DoesNotFit "E0013" "model does not fit the target";
    SpikingIr "E0014" "spiking IR breaks an invariant";
    ProgramInvalid "E0015" "program breaks an invariant";
    SnnxMalformed "E0016" "program file is malformed";
    OutputFailed "E0017" "output cannot be written";
    GoldenInvalid "E0018" "golden file is malformed";
    TextForm "E0019" "text form does not parse";
    ModelInvalid "E0020" "model file is contradictory";
    Argument "E0021" "argument out of range";
    MappingInvalid "E0022" "partition or placement is not legal";
    WrongFile "E0023" "file of another kind";
    FeatureMissing "E0024" "feature is not supported";
    HypergraphInvalid "E0031" "hypergraph or block file is malformed";
    SweepInvalid "E0034" "sweep is contradictory, or parts make no whole";
    Stopped "E0039" "run was stopped";
    Ranks "E0040" "ranks cannot do this together";
    SumMayOverflow "W0001" "sum of a timestep may leave the accumulator";
    ReadoutMaySaturate "W0002" "read-out may saturate";
    WeightsRoundToZero "W0003" "weights became zero";
    MembraneMayClip "W0004" "membrane may be clipped";
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The command stops; exit code 1.
    Error,
    /// The work goes on; the result deserves a second look.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Code {
    /// Follows from the code's letter.
    pub fn severity(self) -> Severity {
        if self.as_str().starts_with('W') { Severity::Warning } else { Severity::Error }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_ascending_and_parse_back() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].as_str() < pair[1].as_str());
        }
        for &code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(code));
        }
    }
}
