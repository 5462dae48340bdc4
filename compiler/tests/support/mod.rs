//! Synthetic checkpoints: a minimal writer of PyTorch's zip format and state dicts of any size in the authors' names.

#![allow(dead_code, reason = "every test crate uses a part")]

use std::io::Write;
use std::path::{Path, PathBuf};

use snnc_targets::{Code, Diagnostics};

/// A float32 tensor of a state dict.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Name in the state dict.
    pub name: String,
    /// Axis lengths.
    pub shape: Vec<usize>,
    /// Row-major values.
    pub data: Vec<f32>,
}

/// What a synthetic model looks like.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Colour planes.
    pub planes: usize,
    /// Codebook rows.
    pub codes: usize,
    /// Codebook width.
    pub width: usize,
    /// Timesteps.
    pub timesteps: usize,
    /// Output channels of the denoiser's convolutions but the last.
    pub denoiser: Vec<usize>,
    /// Hidden channels of decoder and, reversed, encoder.
    pub hidden: [usize; 2],
    /// Kernel side of everything but the 1x1 layers.
    pub kernel: usize,
}

impl Spec {
    /// A small model of 28 x 28 grey images.
    pub fn small() -> Self {
        Self {
            planes: 1,
            codes: 6,
            width: 4,
            timesteps: 5,
            denoiser: vec![3, 4, 5],
            hidden: [4, 3],
            kernel: 3,
        }
    }
}

/// Fills a state dict with values that differ everywhere.
#[derive(Debug, Default)]
pub struct StateDict(pub Vec<Entry>);

impl StateDict {
    /// Adds a tensor of values in (0, 1).
    pub fn add(&mut self, name: &str, shape: &[usize]) {
        let seed = self.0.len() as u64 * 7919 + 1;
        let count = shape.iter().product::<usize>() as u64;
        let data = (0..count).map(|i| ((i * 2654435 + seed * 40503) % 9973 + 1) as f32 / 9975.0).collect();
        self.0.push(Entry { name: name.to_owned(), shape: shape.to_vec(), data });
    }

    fn norm(&mut self, module: &str, channels: usize) {
        for field in ["weight", "bias", "running_mean", "running_var"] {
            self.add(&format!("{module}.{field}"), &[channels]);
        }
        self.add(&format!("{module}.num_batches_tracked"), &[]);
    }

    fn conv(&mut self, module: &str, weight: [usize; 4], bias: usize) {
        self.add(&format!("{module}.weight"), &weight);
        self.add(&format!("{module}.bias"), &[bias]);
    }

    /// The denoiser's state dict.
    pub fn sdid(spec: &Spec) -> Self {
        let (mut dict, k) = (Self::default(), spec.kernel);
        let mut inputs = 2;
        for (l, &outputs) in (1..).zip(&spec.denoiser) {
            dict.conv(&format!("conv{l}.0"), [outputs, inputs, k, k], outputs);
            dict.norm(&format!("conv{l}.1"), outputs);
            inputs = outputs;
        }
        let last = format!("conv{}.0", spec.denoiser.len() + 1);
        dict.conv(&last, [spec.codes, inputs + spec.denoiser[0], k, k], spec.codes);
        dict
    }

    /// The VQ-SVAE's state dict.
    pub fn vq(spec: &Spec) -> Self {
        let (mut dict, k, [a, b]) = (Self::default(), spec.kernel, spec.hidden);
        for (at, weight) in [(0, [b, spec.planes, k, k]), (3, [a, b, k, k]), (6, [spec.width, a, 1, 1])] {
            dict.conv(&format!("encoder.snn_convs.{at}"), weight, weight[0]);
            dict.norm(&format!("encoder.snn_convs.{}", at + 1), weight[0]);
        }
        dict.add("vq_layer.alpha", &[]);
        dict.add("vq_layer.memout.coef", &[spec.timesteps, 1, 1, 1, 1]);
        dict.add("vq_layer.embeddings.weight", &[spec.codes, spec.width]);
        dict.conv("vq_layer.poisson.0", [spec.width, spec.width, 1, 1], spec.width);
        dict.norm("vq_layer.poisson.1", spec.width);
        dict.conv("decoder.snn_convs.0", [spec.width, a, k, k], a);
        dict.norm("decoder.snn_convs.1", a);
        dict.conv("decoder.snn_convs.3", [a, b, k, k], b);
        dict.norm("decoder.snn_convs.4", b);
        dict.conv("decoder.snn_convs.6", [b, spec.planes, k, k], spec.planes);
        dict.add("memout.coef", &[spec.timesteps, 1, 1, 1, 1]);
        dict
    }

    /// The tensor of that name.
    pub fn get(&mut self, name: &str) -> &mut Entry {
        self.0.iter_mut().find(|entry| entry.name == name).unwrap()
    }

    /// Replaces a tensor by one of another shape.
    pub fn reshape(&mut self, name: &str, shape: &[usize]) {
        let entry = self.get(name);
        entry.shape = shape.to_vec();
        entry.data.resize(shape.iter().product(), 0.25);
    }

    /// Drops a tensor.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|entry| entry.name != name);
    }

    /// Puts a prefix before every name.
    pub fn prefixed(mut self, prefix: &str) -> Self {
        self.0.iter_mut().for_each(|entry| entry.name.insert_str(0, prefix));
        self
    }

    /// Writes it as `torch.save` would.
    pub fn save(&self, path: &Path) -> PathBuf {
        let storages = self.0.iter().map(|entry| entry.data.iter().flat_map(|v| v.to_le_bytes()).collect());
        std::fs::write(path, archive(&self.pickle(), storages.collect())).unwrap();
        path.to_owned()
    }

    /// The protocol-2 pickle of an `OrderedDict` of tensors.
    fn pickle(&self) -> Vec<u8> {
        let mut out = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
        for (key, entry) in self.0.iter().enumerate() {
            text(&mut out, &entry.name);
            out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
            text(&mut out, "storage");
            out.extend(b"ctorch\nFloatStorage\n");
            text(&mut out, &key.to_string());
            text(&mut out, "cpu");
            integers(&mut out, &[entry.data.len()]);
            out.extend(b"tQK\x00(");
            integers(&mut out, &entry.shape);
            out.extend(b"t(");
            let stride = |axis: usize| entry.shape[axis + 1..].iter().product();
            integers(&mut out, &(0..entry.shape.len()).map(stride).collect::<Vec<_>>());
            out.extend(b"t\x89ccollections\nOrderedDict\n)RtR");
        }
        out.extend(b"u.");
        out
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

fn integers(out: &mut Vec<u8>, values: &[usize]) {
    for &value in values {
        out.push(b'J');
        out.extend((value as u32).to_le_bytes());
    }
}

/// A checkpoint archive around a pickle and its storages.
pub fn archive(pickle: &[u8], storages: Vec<Vec<u8>>) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut entry = |name: &str, bytes: &[u8]| {
        zip.start_file(name, stored).unwrap();
        zip.write_all(bytes).unwrap();
    };
    entry("model/data.pkl", pickle);
    entry("model/byteorder", b"little");
    for (key, bytes) in storages.iter().enumerate() {
        entry(&format!("model/data/{key}"), bytes);
    }
    entry("model/version", b"3\n");
    zip.finish().unwrap().into_inner()
}

/// Asserts that every diagnostic has a place, a message and a hint, and gives the codes.
pub fn codes(errors: &Diagnostics) -> Vec<Code> {
    assert!(!errors.0.is_empty(), "an error without a diagnostic");
    for error in &errors.0 {
        assert!(!error.place.to_string().is_empty() && !error.message.is_empty(), "{error}");
        assert!(error.hint.as_ref().is_some_and(|hint| !hint.is_empty()), "no hint: {error}");
    }
    errors.codes()
}
