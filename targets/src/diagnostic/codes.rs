//! The registry of error codes: one line a code, with the page that `snnc explain` prints.

use std::fmt;
use std::str::FromStr;

macro_rules! codes {
    ($($name:ident $code:literal $title:literal $page:literal;)*) => {
        /// Stable error codes.
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

            /// The page that `snnc explain` prints: what it means, usual causes, remedies.
            pub fn page(self) -> &'static str {
                match self { $(Code::$name => $page,)* }
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
    FileUnreadable "E0001" "file cannot be read"
        "The file is missing, is a folder, or may not be read. Paths written in a model file are relative to the folder of that model file.";
    RonSyntax "E0002" "RON file does not parse"
        "A .ron file has a syntax error, an unknown field or a value of the wrong type. The place names line and column. Unknown fields are refused so that a misspelt option is never ignored.";
    TargetInvalid "E0003" "target description is contradictory"
        "A target file was read but its values contradict each other or are out of range: a width of 0 bits, a negative energy, an empty barrier table. `snnc targets check FILE` lists all problems at once.";
    TargetUnknown "E0004" "no such target"
        "`--target` takes the name of a built-in target (see `snnc targets`) or the path of a target file ending in .ron.";
    TensorMissing "E0005" "tensor not in the weight file"
        "The model names a tensor that its weight file does not hold. `message` lists near names. Checkpoints saved from a wrapped module carry a prefix such as `module.`.";
    TensorShape "E0006" "tensor has the wrong shape or type"
        "The layer's other tensors or its neighbours ask for another shape than the file holds, or the element type is not a number type that snnc reads (f64, f32, f16, bf16, i64, i32, u8 ...), or a value is not finite.";
    LayerShape "E0007" "layer shapes do not fit"
        "Shape inference failed: a layer's input has another number of channels than its weights, a concatenation joins maps of different sizes, or a convolution would give an empty map. Shapes are [channels, height, width].";
    WeightsMalformed "E0008" "weight file is malformed"
        "A .safetensors or .pth file is truncated or contradicts itself. Nothing of it was used.";
    PickleRefused "E0009" "pickle asks for code"
        "A .pth file holds something else than tensors and plain containers, for example a whole pickled module. snnc never executes pickles. Save `model.state_dict()` instead.";
    GraphInvalid "E0010" "layer graph is malformed"
        "A layer refers to a layer that does not exist, two layers share a name, the number of inputs is wrong, or the layers form a cycle that is not supported.";
    Unsupported "E0011" "not supported on chip"
        "The layer graph is valid, and the float reference can run it, but lowering to the spiking IR does not support this combination of layers. The message names it.";
    Quantise "E0012" "weights cannot be quantised"
        "The target's number formats cannot hold this layer: all weights of a channel are zero with a zero threshold, a threshold falls outside the mantissa, or a decay cannot be expressed.";
    DoesNotFit "E0013" "model does not fit the target"
        "A layer breaks a limit of the target for every tiling that was tried, or the model needs more cores than the target's chips have. The message names layer, limit, use and a remedy.";
    SpikingIr "E0014" "spiking IR breaks an invariant"
        "The verifier of the spiking IR found a broken invariant: a dangling id, a shape that does not follow from its projection, a value outside the target's width.";
    ProgramInvalid "E0015" "program breaks an invariant"
        "The verifier of the core-mapped program found a broken invariant: a neuron that is on no core or on two, a missing or doubled synapse, an incomplete route, or a limit exceeded.";
    SnnxMalformed "E0016" "program file is malformed"
        "A .snnx file is truncated, has a wrong checksum, or was written by another format version. Compile the model again.";
    OutputFailed "E0017" "output cannot be written"
        "The output folder or file cannot be written, or must not be: it is a folder or a socket, an input of the same command, results of another command, or a file that no run recorded; or another run owns the folder. Outputs are written beside their place and renamed, so an earlier file of that name is untouched. docs/outputs.md has the rules.";
    GoldenInvalid "E0018" "golden file is malformed"
        "A recorded trace has a wrong shape or type, or lacks a companion key: `sdid.K.tokens` needs `sdid.K.t`, and so on.";
    TextForm "E0019" "text form does not parse"
        "A printed IR could not be read back. The place names line and column.";
    ModelInvalid "E0020" "model file is contradictory"
        "The model file was read but its parts contradict each other: the pipeline names a network that does not exist, the latent grid does not match the denoiser, a temperature is not positive.";
    Argument "E0021" "argument out of range"
        "A command-line value is well-formed but cannot be used, for example zero images.";
    MappingInvalid "E0022" "partition or placement is not legal"
        "A partition does not cover every neuron exactly once, a slice lies outside its population, or a placement puts two cores on one site.";
    HypergraphInvalid "E0031" "hypergraph or block file is malformed"
        "A hypergraph in hMETIS format (.hgr) or a file of block numbers does not parse, or contradicts itself: a pin beyond the number of vertices, fewer lines than its header says, weights whose sums overflow. The place names the line.";
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
