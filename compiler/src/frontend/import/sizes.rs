//! Every size of an imported model, read off its tensors and checked against each other.
//!
//! All contradictions are collected: `E0005` for a missing tensor, `E0006` for one that disagrees with its
//! neighbours.

use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::checkpoint::Checkpoint;

/// Convolutions of encoder and decoder; other depths would have strides that no tensor tells.
const BLOCKS: usize = 3;
/// Fewest convolutions of a denoiser: the first, one that the skip passes by, and the last.
const FEWEST: usize = 3;
/// Most of them, so that a hostile file is not searched for millions.
const MOST: usize = 64;
/// Planes that the denoiser reads: tokens and iteration.
const DENOISER_PLANES: usize = 2;

/// Sizes of all networks.
#[derive(Debug)]
pub(super) struct Sizes {
    /// Rows of the codebook.
    pub codes: usize,
    /// Width of a codebook row.
    pub width: usize,
    /// Timesteps of a pass.
    pub timesteps: usize,
    /// Colour planes of an image.
    pub planes: usize,
    /// `conv1` to `convN`.
    pub denoiser: Vec<ConvSize>,
    /// The adaptive spike generator, `vq_layer.poisson.0`.
    pub generator: ConvSize,
    /// `decoder.snn_convs.{0,3,6}`, transposed.
    pub decoder: Vec<ConvSize>,
    /// `encoder.snn_convs.{0,3,6}`.
    pub encoder: Vec<ConvSize>,
}

/// A convolution of one group.
#[derive(Debug, Clone, Default)]
pub(super) struct ConvSize {
    /// Name of the module, for example `conv1.0`.
    pub module: String,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// (vertical, horizontal), both odd.
    pub kernel: (usize, usize),
}

impl Sizes {
    /// Reads and checks.
    ///
    /// # Errors
    /// Every tensor that is missing or disagrees.
    pub(super) fn read(vq: &Checkpoint, sdid: &Checkpoint) -> Result<Self, Diagnostics> {
        let mut read = SizeReader { errors: Diagnostics::default() };
        let (codes, width) = read.codebook(vq);
        let timesteps = read.timesteps(vq);
        let denoiser = read.denoiser(sdid);
        let generator = read.conv(vq, "vq_layer.poisson.0", false);
        let decoder = read.blocks(vq, "decoder", true);
        let encoder = read.blocks(vq, "encoder", false);
        read.errors.into_result(())?;
        let planes = decoder.last().map_or(0, |last| last.outputs);
        let sizes = Self { codes, width, timesteps, planes, denoiser, generator, decoder, encoder };
        let mut links = SizeChecks { errors: Diagnostics::default() };
        links.denoiser(sdid, &sizes);
        links.autoencoder(vq, &sizes);
        links.errors.into_result(sizes)
    }
}

/// Reads sizes one by one; what cannot be read is reported and stands as zero.
struct SizeReader {
    errors: Diagnostics,
}

impl SizeReader {
    fn codebook(&mut self, vq: &Checkpoint) -> (usize, usize) {
        let name = "vq_layer.embeddings.weight";
        match self.shape(vq, name, "[codes, width]", |shape| shape.len() == 2).as_slice() {
            &[codes, width] => (codes, width),
            _ => (0, 0),
        }
    }

    /// The lengths of the two read-outs' coefficients, `[timesteps, 1, 1, 1, 1]`.
    fn timesteps(&mut self, vq: &Checkpoint) -> usize {
        let legal = |shape: &[usize]| {
            shape.iter().skip(1).all(|&axis| axis == 1) && shape.first().is_some_and(|&t| t > 0)
        };
        let [encoder, decoder] = ["vq_layer.memout.coef", "memout.coef"]
            .map(|name| self.shape(vq, name, "[timesteps, 1, 1, 1, 1]", legal).first().copied().unwrap_or(0));
        if encoder != decoder && encoder.min(decoder) > 0 {
            let message =
                format!("{decoder} coefficients, but the encoder's `vq_layer.memout.coef` has {encoder}");
            self.errors.push(contradiction(vq, "memout.coef", message));
        }
        decoder
    }

    /// `conv1.0` to `convN.0` without a gap.
    fn denoiser(&mut self, sdid: &Checkpoint) -> Vec<ConvSize> {
        let number = |name: &str| name.strip_prefix("conv")?.strip_suffix(".0.weight")?.parse::<usize>().ok();
        let count = sdid.names().filter_map(number).count();
        if !(FEWEST..=MOST).contains(&count) {
            let message = format!("one of {count} convolutions, expected {FEWEST} to {MOST}");
            self.errors.push(contradiction(sdid, "conv1.0.weight", message));
        }
        (1..=count.min(MOST)).map(|l| self.conv(sdid, &format!("conv{l}.0"), false)).collect()
    }

    /// The convolutions of `decoder.snn_convs` or `encoder.snn_convs`: each but the last is followed by batch norm
    /// and a LIF without tensors, so they have the indices 0, 3, 6.
    fn blocks(&mut self, vq: &Checkpoint, network: &str, transposed: bool) -> Vec<ConvSize> {
        let beyond = format!("{network}.snn_convs.{}.weight", 3 * BLOCKS);
        if vq.contains(&beyond) {
            let message = format!(
                "a convolution after the {BLOCKS} of the authors' {network}: no tensor tells its stride"
            );
            self.errors.push(contradiction(vq, &beyond, message));
        }
        (0..BLOCKS)
            .map(|block| self.conv(vq, &format!("{network}.snn_convs.{}", 3 * block), transposed))
            .collect()
    }

    /// A convolution `[out, in, kh, kw]`, transposed `[in, out, kh, kw]`.
    fn conv(&mut self, checkpoint: &Checkpoint, module: &str, transposed: bool) -> ConvSize {
        let expected = "four axes, none empty, with odd kernel sides";
        let legal = |shape: &[usize]| match *shape {
            [slow, fast, rows, columns] => slow * fast > 0 && rows % 2 == 1 && columns % 2 == 1,
            _ => false,
        };
        match self.shape(checkpoint, &format!("{module}.weight"), expected, legal).as_slice() {
            &[slow, fast, rows, columns] => {
                let (inputs, outputs) = if transposed { (slow, fast) } else { (fast, slow) };
                ConvSize { module: module.to_owned(), inputs, outputs, kernel: (rows, columns) }
            }
            _ => ConvSize::default(),
        }
    }

    /// A shape, or an empty one after reporting why not.
    fn shape(
        &mut self,
        checkpoint: &Checkpoint,
        name: &str,
        expected: &str,
        legal: impl Fn(&[usize]) -> bool,
    ) -> Vec<usize> {
        match checkpoint.shape(name) {
            Ok(shape) if legal(shape) => return shape.to_vec(),
            Ok(shape) => {
                self.errors.push(contradiction(
                    checkpoint,
                    name,
                    format!("shape {shape:?}, expected {expected}"),
                ));
            }
            Err(error) => self.errors.push(error),
        }
        Vec::new()
    }
}

/// Checks that what one layer gives is what the next one takes.
struct SizeChecks {
    errors: Diagnostics,
}

impl SizeChecks {
    fn denoiser(&mut self, sdid: &Checkpoint, sizes: &Sizes) {
        let [first, middle @ .., last] = sizes.denoiser.as_slice() else { return };
        self.inputs(sdid, first, DENOISER_PLANES, "the planes tokens and t");
        let mut before = first;
        for conv in middle {
            self.inputs(sdid, conv, before.outputs, &format!("the outputs of `{}`", before.module));
            before = conv;
        }
        let source = format!("the outputs of `{}` and, by the skip, of `{}`", before.module, first.module);
        self.inputs(sdid, last, before.outputs + first.outputs, &source);
        self.outputs(sdid, last, sizes.codes, "the rows of the codebook");
    }

    fn autoencoder(&mut self, vq: &Checkpoint, sizes: &Sizes) {
        self.inputs(vq, &sizes.generator, sizes.width, "the width of the codebook");
        let mut before = &sizes.generator;
        for conv in &sizes.decoder {
            self.inputs(vq, conv, before.outputs, &format!("the outputs of `{}`", before.module));
            before = conv;
        }
        if !matches!(sizes.planes, 1 | 3) {
            let message = format!("{} colour planes, expected 1 or 3", sizes.planes);
            self.errors.push(contradiction(vq, &format!("{}.weight", before.module), message));
        }
        self.encoder(vq, sizes);
    }

    fn encoder(&mut self, vq: &Checkpoint, sizes: &Sizes) {
        let mut given = (sizes.planes, String::from("the decoder's colour planes"));
        for conv in &sizes.encoder {
            self.inputs(vq, conv, given.0, &given.1);
            given = (conv.outputs, format!("the outputs of `{}`", conv.module));
        }
        if let Some(last) = sizes.encoder.last() {
            self.outputs(vq, last, sizes.width, "the width of the codebook");
        }
    }

    fn inputs(&mut self, checkpoint: &Checkpoint, conv: &ConvSize, expected: usize, source: &str) {
        self.channels(checkpoint, conv, ("input", conv.inputs), expected, source);
    }

    fn outputs(&mut self, checkpoint: &Checkpoint, conv: &ConvSize, expected: usize, source: &str) {
        self.channels(checkpoint, conv, ("output", conv.outputs), expected, source);
    }

    fn channels(
        &mut self,
        checkpoint: &Checkpoint,
        conv: &ConvSize,
        found: (&str, usize),
        expected: usize,
        source: &str,
    ) {
        let (side, found) = found;
        if found != expected {
            let message = format!("{found} {side} channels, expected {expected}: {source}");
            self.errors.push(contradiction(checkpoint, &format!("{}.weight", conv.module), message));
        }
    }
}

fn contradiction(checkpoint: &Checkpoint, name: &str, message: String) -> Diagnostic {
    Diagnostic::new(Code::TensorShape, checkpoint.place(name), message)
        .hint("are both files checkpoints of one model with the authors' architecture? else write a model.ron by hand")
}
