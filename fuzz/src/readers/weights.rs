//! Files of tensors: weights, checkpoints, recorded traces.

use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

use snnc::golden::{GoldenFile, check};
use snnc_compiler::frontend::{LoadedModel, load};
use snnc_compiler::weights::{Stored, Values, WeightFile, write_safetensors};

use super::{Answer, all_told, models, told};

/// The weights of the models.
pub fn seeds() -> Vec<Vec<u8>> {
    vec![written(&models::tensors()), written(&[])]
}

fn written(tensors: &[Stored]) -> Vec<u8> {
    let path = models::folder().path().join("seed.safetensors");
    write_safetensors(&path, tensors).expect("a temporary folder can be written");
    std::fs::read(&path).expect("what was written can be read")
}

/// Reads the index and every tensor.
pub fn read(input: &[u8]) -> Answer {
    read_all(&models::file("fuzz.safetensors", input))
}

fn read_all(path: &Path) -> Answer {
    let file = WeightFile::open(path).map_err(|problems| all_told(&problems))?;
    let mut answer = Ok(());
    for name in file.names() {
        match file.tensor(name) {
            Ok(tensor) => assert_eq!(tensor.shape.iter().product::<usize>(), tensor.data.len()),
            Err(problem) => answer = Err(told(&problem)),
        }
    }
    answer
}

/// A checkpoint of two tensors as PyTorch writes it, and its pickle alone.
pub fn pth_seeds() -> Vec<Vec<u8>> {
    let mut pickle = b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01(".to_vec();
    for (key, name, shape) in [(0u8, "conv.weight", &[2u8, 3][..]), (1, "conv.bias", &[2])] {
        let count: u8 = shape.iter().product();
        text(&mut pickle, name);
        pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut pickle, "storage");
        pickle.extend(b"ctorch\nFloatStorage\n");
        text(&mut pickle, &key.to_string());
        text(&mut pickle, "cpu");
        pickle.extend([b'K', count, b't', b'Q', b'K', 0, b'(']);
        shape.iter().for_each(|&side| pickle.extend([b'K', side]));
        pickle.extend(b"t(");
        (0..shape.len()).for_each(|axis| pickle.extend([b'K', shape[axis + 1..].iter().product()]));
        pickle.extend(b"t\x89ccollections\nOrderedDict\n)RtR");
    }
    pickle.extend(b"u.");
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut entry = |name: &str, bytes: &[u8]| {
        zip.start_file(name, stored).expect("an archive in memory takes files");
        zip.write_all(bytes).expect("an archive in memory takes bytes");
    };
    entry("model/data.pkl", &pickle);
    entry("model/byteorder", b"little");
    entry("model/data/0", &[0; 24]);
    entry("model/data/1", &[0; 8]);
    entry("model/version", b"3\n");
    vec![zip.finish().expect("an archive in memory is finished").into_inner(), pickle]
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

/// Reads a checkpoint and every tensor.
pub fn read_pth(input: &[u8]) -> Answer {
    read_all(&models::file("fuzz.pth", input))
}

/// Recorded traces of the generating model.
pub fn golden_seeds() -> Vec<Vec<u8>> {
    let store =
        |name: &str, shape: &[usize], values| Stored { name: name.into(), shape: shape.to_vec(), values };
    vec![written(&[
        store("sdid.0.tokens", &[3, 3], Values::I64(vec![5, 5, 0, 1, 2, 3, 4, 5, 5])),
        store("sdid.0.t", &[1], Values::I64(vec![2])),
        store("sdid.0.logits", &[5, 3, 3], Values::F64(vec![0.25; 45])),
        store("decoder.0.tokens", &[3, 3], Values::I64(vec![0, 1, 2, 3, 4, 0, 1, 2, 3])),
        store("decoder.0.membrane", &[6, 6], Values::F64(vec![0.5; 36])),
        store("loop.0.u_unmask", &[3, 3, 3], Values::F64(vec![0.5; 27])),
        store("loop.0.u_token", &[3, 3, 3], Values::F64(vec![0.5; 27])),
    ])]
}

/// Reads recorded traces and compares the model with them.
pub fn read_golden(input: &[u8]) -> Answer {
    static MODEL: OnceLock<LoadedModel> = OnceLock::new();
    let golden = GoldenFile::parse(input, "fuzz").map_err(|problem| told(&problem))?;
    let model = MODEL.get_or_init(|| {
        load(&models::file("golden.ron", models::TEXTS[0].as_bytes())).expect("seeds are right")
    });
    let report = check(model, &golden, &()).map_err(|problems| all_told(&problems))?;
    assert!(!report.text().is_empty());
    Ok(())
}
