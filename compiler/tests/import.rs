//! Checkpoints of the authors' architecture, whatever their sizes, to a model folder and back.

use std::path::{Path, PathBuf};

use crate::support::{Spec, StateDict, codes};
use snnc_compiler::frontend::{ImportSummary, LoadedModel, import, load};
use snnc_compiler::graph::Op;
use snnc_compiler::ir::Shape;
use snnc_compiler::layers::Input;
use snnc_targets::{Code, Diagnostics};
use tempfile::TempDir;

struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("model")
    }

    fn import(&self, vq: &StateDict, sdid: &StateDict, size: usize) -> Result<ImportSummary, Diagnostics> {
        let vq = vq.save(&self.folder.path().join("v.pth"));
        let sdid = sdid.save(&self.folder.path().join("s.pth"));
        import(&vq, &sdid, size, &self.out())
    }

    fn load(&self) -> LoadedModel {
        load(&self.out().join("model.ron")).unwrap()
    }
}

fn both(spec: &Spec) -> (StateDict, StateDict) {
    (StateDict::vq(spec), StateDict::sdid(spec))
}

fn names(model: &LoadedModel, network: &str) -> Vec<String> {
    model.graphs[network].net.node_weights().map(|layer| layer.name.clone()).collect()
}

fn op<'a>(model: &'a LoadedModel, network: &str, layer: &str) -> &'a Op {
    let graph = &model.graphs[network];
    &graph.net[graph.find(layer).unwrap()].op
}

#[test]
fn a_small_model_goes_round() {
    let (bench, spec) = (Bench::new(), Spec::small());
    let (vq, sdid) = both(&spec);
    let summary = bench.import(&vq, &sdid, 28).unwrap();
    assert_eq!(summary.image, (1, 28, 28));
    assert_eq!(summary.denoiser, [3, 4, 5, 6]);
    let model = bench.load();
    assert_eq!(model.graphs.keys().collect::<Vec<_>>(), ["sdid", "decoder", "encoder"]);
    let sdid_layers = "input conv1.conv conv1.norm conv1 conv2.conv conv2.norm conv2 conv3.conv conv3.norm conv3 \
                       skip conv4 logits";
    assert_eq!(names(&model, "sdid").join(" "), sdid_layers);
    let decoder_layers = "tokens codes asg.conv asg.norm asg dec1.conv dec1.norm dec1 dec2.conv dec2.norm dec2 dec3 \
                          membrane";
    assert_eq!(names(&model, "decoder").join(" "), decoder_layers);
    let encoder_layers = "pixels enc1.conv enc1.norm enc1 enc2.conv enc2.norm enc2 enc3.conv enc3.norm enc3 psp rate \
                          feature token";
    assert_eq!(names(&model, "encoder").join(" "), encoder_layers);
    let graph = &model.graphs["sdid"];
    let skip = graph.inputs(graph.find("skip").unwrap());
    assert_eq!(skip.iter().map(|&n| graph.net[n].name.as_str()).collect::<Vec<_>>(), ["conv3", "conv1"]);
    let pipeline = model.pipeline.unwrap();
    assert_eq!((pipeline.latent, pipeline.mask, pipeline.iterations), ((7, 7), 6, 49));
    assert_eq!((pipeline.temperature, pipeline.codebook.as_str()), (0.65, "codes"));
}

#[test]
fn every_value_survives() {
    let (bench, spec) = (Bench::new(), Spec::small());
    let (vq, sdid) = both(&spec);
    bench.import(&vq, &sdid, 28).unwrap();
    for (file, dict) in [("vq_svae", &vq), ("sdid", &sdid)] {
        let path = bench.out().join(file).with_extension("safetensors");
        let written = snnc_compiler::weights::WeightFile::open(&path).unwrap();
        let kept = dict.0.iter().filter(|entry| !entry.name.ends_with("num_batches_tracked"));
        assert_eq!(written.names().len(), kept.clone().count());
        for entry in kept {
            let expected: Vec<f64> = entry.data.iter().map(|&v| f64::from(v)).collect();
            assert_eq!(written.tensor(&entry.name).unwrap().data, expected, "{}", entry.name);
        }
    }
}

#[test]
fn any_sizes_are_read_off_the_tensors() {
    for (spec, size) in [
        (Spec { planes: 3, codes: 512, width: 8, timesteps: 4, ..Spec::small() }, 32),
        (
            Spec {
                planes: 3,
                codes: 7,
                width: 16,
                timesteps: 1,
                denoiser: vec![2, 9],
                hidden: [1, 6],
                kernel: 5,
            },
            64,
        ),
        (
            Spec {
                codes: 1,
                width: 1,
                timesteps: 33,
                denoiser: vec![1; 11],
                hidden: [2, 2],
                kernel: 1,
                planes: 1,
            },
            4,
        ),
    ] {
        let bench = Bench::new();
        let (vq, sdid) = both(&spec);
        let summary = bench.import(&vq, &sdid, size).unwrap();
        assert_eq!(summary.codebook, (spec.codes, spec.width));
        let (model, latent) = (bench.load(), size / 4);
        assert!(model.graphs.values().all(|graph| graph.timesteps == spec.timesteps));
        assert_eq!(op(&model, "sdid", "input"), &Op::Input(Input::constant(Shape::new(2, latent, latent))));
        assert_eq!(
            op(&model, "encoder", "pixels"),
            &Op::Input(Input::constant(Shape::new(spec.planes, size, size)))
        );
        let Op::Conv(conv) = op(&model, "decoder", "dec1.conv") else { panic!("dec1.conv") };
        let half = spec.kernel / 2;
        assert_eq!((conv.stride, conv.padding, conv.output_padding), ((2, 2), (half, half), (1, 1)));
        let pipeline = model.pipeline.unwrap();
        assert_eq!((pipeline.latent, pipeline.mask), ((latent, latent), spec.codes));
        assert_eq!(pipeline.iterations, latent * latent);
    }
}

#[test]
fn prefixes_of_wrappers_are_stripped() {
    let spec = Spec::small();
    for (vq_prefix, sdid_prefix) in [("module.", "_denoise_fn."), ("state_dict.module.", "module.")] {
        let bench = Bench::new();
        let (vq, sdid) = both(&spec);
        bench.import(&vq.prefixed(vq_prefix), &sdid.prefixed(sdid_prefix), 28).unwrap();
        let written =
            snnc_compiler::weights::WeightFile::open(&bench.out().join("sdid.safetensors")).unwrap();
        assert!(written.contains("conv1.0.weight"));
        bench.load();
    }
}

#[test]
fn layers_without_bias_are_read_without() {
    let (bench, spec) = (Bench::new(), Spec::small());
    let (vq, mut sdid) = both(&spec);
    sdid.remove("conv2.0.bias");
    bench.import(&vq, &sdid, 28).unwrap();
    let model = bench.load();
    let Op::Conv(conv) = op(&model, "sdid", "conv2.conv") else { panic!("conv2.conv") };
    assert_eq!(conv.bias, None);
}

#[test]
fn the_same_checkpoints_give_the_same_bytes() {
    let (first, second, spec) = (Bench::new(), Bench::new(), Spec::small());
    let (vq, sdid) = both(&spec);
    first.import(&vq, &sdid, 28).unwrap();
    second.import(&vq, &sdid, 28).unwrap();
    second.import(&vq, &sdid, 28).unwrap();
    for file in ["model.ron", "vq_svae.safetensors", "sdid.safetensors"] {
        let read = |bench: &Bench| std::fs::read(bench.out().join(file)).unwrap();
        assert_eq!(read(&first), read(&second), "{file}");
    }
    let text = std::fs::read_to_string(first.out().join("model.ron")).unwrap();
    assert!(!text.contains(&*first.folder.path().to_string_lossy()), "no absolute paths");
}

/// Imports a small model after `damage`; gives the codes and the whole message.
fn refused(size: usize, damage: impl Fn(&mut StateDict, &mut StateDict)) -> (Vec<Code>, String) {
    let bench = Bench::new();
    let (mut vq, mut sdid) = both(&Spec::small());
    damage(&mut vq, &mut sdid);
    let errors = bench.import(&vq, &sdid, size).unwrap_err();
    assert!(!bench.out().exists(), "a refused import writes nothing");
    (codes(&errors), errors.to_string())
}

#[test]
fn contradictions_are_named() {
    let (found, text) = refused(28, |_, sdid| sdid.reshape("conv4.0.weight", &[9, 8, 3, 3]));
    assert_eq!(found, [Code::TensorShape]);
    assert!(text.contains("9 output channels, expected 6: the rows of the codebook"), "{text}");
    let (found, text) = refused(28, |_, sdid| sdid.reshape("conv4.0.weight", &[6, 5, 3, 3]));
    assert_eq!(found, [Code::TensorShape]);
    assert!(text.contains("`conv3.0` and, by the skip, of `conv1.0`"), "{text}");
    let (found, _) = refused(28, |vq, _| vq.reshape("memout.coef", &[4, 1, 1, 1, 1]));
    assert_eq!(found, [Code::TensorShape]);
    let (found, text) = refused(28, |vq, sdid| {
        vq.reshape("encoder.snn_convs.6.weight", &[2, 4, 1, 1]);
        vq.reshape("decoder.snn_convs.6.weight", &[3, 2, 3, 3]);
        sdid.reshape("conv2.0.weight", &[4, 2, 3, 3]);
    });
    assert_eq!(found, [Code::TensorShape; 4], "{text}");
}

#[test]
fn missing_and_odd_tensors_are_named() {
    let (found, text) = refused(28, |vq, sdid| {
        vq.remove("vq_layer.poisson.0.weight");
        sdid.remove("conv2.0.weight");
    });
    assert!(found.contains(&Code::TensorMissing) && text.contains("vq_layer.poisson.0.weight"), "{text}");
    let (found, text) = refused(28, |vq, _| vq.remove("decoder.snn_convs.4.running_var"));
    assert_eq!(found, [Code::TensorMissing], "{text}");
    let (found, _) = refused(28, |vq, _| vq.remove("vq_layer.embeddings.weight"));
    assert_eq!(found, [Code::TensorMissing]);
    let (found, _) = refused(28, |vq, _| vq.reshape("decoder.snn_convs.3.weight", &[4, 3, 4, 4]));
    assert_eq!(found, [Code::TensorShape]);
    let (found, _) = refused(28, |vq, _| vq.add("decoder.snn_convs.9.weight", &[1, 1, 3, 3]));
    assert_eq!(found, [Code::TensorShape]);
    let (found, _) = refused(28, |vq, _| vq.reshape("vq_layer.alpha", &[2]));
    assert_eq!(found, [Code::TensorShape]);
    let (found, text) = refused(28, |_, sdid| sdid.get("conv1.1.running_var").data[1] = -1.0);
    assert_eq!(found, [Code::TensorShape], "{text}");
    let (found, text) = refused(28, |_, sdid| sdid.get("conv1.0.bias").data[0] = f32::INFINITY);
    assert_eq!(found, [Code::TensorShape], "{text}");
}

#[test]
fn image_sizes_that_do_not_reduce_by_four_are_refused() {
    for size in [0, 2, 30, 1 << 20] {
        assert_eq!(refused(size, |_, _| ()).0, [Code::Argument]);
    }
}

#[test]
fn swapped_checkpoints_are_refused() {
    let bench = Bench::new();
    let (vq, sdid) = both(&Spec::small());
    let errors = bench.import(&sdid, &vq, 28).unwrap_err();
    assert_eq!(codes(&errors), [Code::TensorMissing]);
}

#[test]
fn the_example_loads() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/spiking-diffusion-mnist/model.ron");
    let model = load(&example).unwrap();
    assert_eq!(model.name, "spiking-diffusion-mnist");
    assert_eq!(op(&model, "sdid", "input"), &Op::Input(Input::constant(Shape::new(2, 7, 7))));
    let Op::Conv(conv) = op(&model, "sdid", "conv6") else { panic!("conv6") };
    assert_eq!(conv.weight.shape, [128, 320, 3, 3]);
    assert_eq!(model.pipeline.unwrap().mask, 128);
}
