//! How long the main job's parts take: `cargo bench`.

use std::path::Path;
use std::sync::Arc;

use snnc::{Session, SessionOptions};
use snnc_compiler::driver::{CompileOptions, compile, lower};
use snnc_compiler::frontend::{LoadedModel, load};
use snnc_compiler::ir::program::Program;
use snnc_simulator::execute::{Chip, oracle};
use snnc_simulator::time::Fidelity;
use snnc_simulator::workload::Generation;
use snnc_targets::{Target, registry};

fn main() {
    divan::main();
}

fn model() -> LoadedModel {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/spiking-diffusion-mnist/model.ron");
    load(&path).expect("the example loads")
}

fn target() -> Target {
    registry::load("loihi-like").expect("a built-in target")
}

fn program() -> Arc<Program> {
    compile(&model(), &target(), CompileOptions::default()).expect("the example fits").1.into()
}

/// A denoiser input: a grid half masked, at half time.
fn planes(program: &Program) -> Vec<f64> {
    let generation = Generation::new(&program.model, 1, 1).expect("the example generates");
    let positions = generation.parameters.rows * generation.parameters.columns;
    let mask = generation.parameters.mask as usize;
    let token = |p: usize| if p.is_multiple_of(2) { mask } else { p * 37 % mask };
    (0..positions).map(|p| token(p) as f64).chain(vec![25.0; positions]).collect()
}

#[divan::bench(sample_count = 5)]
fn compile_model(bencher: divan::Bencher) {
    let (model, target) = (model(), target());
    bencher.bench(|| compile(&model, &target, CompileOptions::default()));
}

#[divan::bench(sample_count = 20)]
fn denoiser_pass(bencher: divan::Bencher) {
    let program = program();
    let (chip, input) = (Chip::new(program.clone()), planes(&program));
    let network = Generation::new(&program.model, 1, 1).expect("the example generates").denoiser;
    bencher.bench(|| chip.run(network, &input).unwrap());
}

/// The same pass on the spiking IR alone: the oracle's price.
#[divan::bench(sample_count = 5)]
fn denoiser_pass_oracle(bencher: divan::Bencher) {
    let program = program();
    let ir = lower(&model(), &target(), Default::default()).expect("the example lowers");
    let input = planes(&program);
    let network = Generation::new(&program.model, 1, 1).expect("the example generates").denoiser;
    bencher.bench(|| oracle::run(&ir, network, &input));
}

#[divan::bench(sample_count = 3, args = [Fidelity::None, Fidelity::Analytic])]
fn one_image(bencher: divan::Bencher, fidelity: Fidelity) {
    let program = program();
    let generation = Generation::new(&program.model, 1, 1).expect("the example generates");
    let options = SessionOptions { fidelity, ..SessionOptions::default() };
    bencher.bench(|| Session::new(&program.clone().into(), options).unwrap().run(&generation).unwrap());
}
