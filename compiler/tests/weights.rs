//! Weight files, whole and hostile: what is read is exact, what is refused has a code, a place and a hint.

use std::path::{Path, PathBuf};

use crate::support::{Spec, StateDict, archive, codes};
use snnc_compiler::weights::{Element, Stored, Values, WeightFile, write_safetensors};
use snnc_targets::{Code, Subject};
use tempfile::TempDir;

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The codes with which a file is refused.
fn refusal(path: &Path) -> Vec<Code> {
    codes(&WeightFile::open(path).map(|file| file.names().len()).unwrap_err())
}

/// Opens a file and reads all of it.
fn read_all(path: &Path) -> Result<usize, snnc_targets::Diagnostics> {
    let file = WeightFile::open(path)?;
    for name in file.names() {
        file.tensor(name)?;
    }
    Ok(file.names().len())
}

fn safetensors_with(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn sample() -> Vec<Stored> {
    let stored =
        |name: &str, shape: &[usize], values| Stored { name: name.into(), shape: shape.to_vec(), values };
    vec![
        stored("b", &[2, 2], Values::F32(vec![1.5, -2.0, 0.1, 3e38])),
        stored("a", &[], Values::I64(vec![-(1 << 53)])),
        stored("c", &[3], Values::F64(vec![0.1, 0.0, 1e300])),
        stored("empty", &[0, 7], Values::F32(vec![])),
    ]
}

#[test]
fn what_is_written_is_read_back() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("w.safetensors");
    write_safetensors(&path, &sample()).unwrap();
    let file = WeightFile::open(&path).unwrap();
    assert_eq!(file.names(), ["a", "c", "b", "empty"], "8-byte types first, else in order");
    assert_eq!(file.tensor("a").unwrap().data, [-(2f64.powi(53))]);
    assert_eq!(file.shape("a").unwrap(), [] as [usize; 0]);
    assert_eq!(file.tensor("b").unwrap().data, [1.5, -2.0, f64::from(0.1f32), f64::from(3e38f32)]);
    assert_eq!(file.element("b").unwrap(), Some(Element::F32));
    assert_eq!(file.tensor("c").unwrap().data, [0.1, 0.0, 1e300]);
    assert_eq!(file.tensor("empty").unwrap().shape, [0, 7]);
}

#[test]
fn a_tensor_that_does_not_fill_its_shape_is_not_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("w.safetensors");
    let short = Stored { name: "x".into(), shape: vec![3], values: Values::F32(vec![1.0]) };
    assert_eq!(write_safetensors(&path, &[short]).unwrap_err().code, Code::OutputFailed);
    assert!(!path.exists());
}

#[test]
fn every_truncation_of_a_safetensors_file_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("w.safetensors");
    write_safetensors(&path, &sample()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        let cut = write(&folder, "cut.safetensors", &whole[..length]);
        assert_eq!(refusal(&cut), [Code::WeightsMalformed], "{length} of {} bytes", whole.len());
    }
    let longer = write(&folder, "long.safetensors", &[whole.as_slice(), &[0]].concat());
    assert_eq!(refusal(&longer), [Code::WeightsMalformed]);
}

#[test]
fn hostile_safetensors_indices_are_refused() {
    let folder = TempDir::new().unwrap();
    let tensor = |dtype: &str, shape: &str, offsets: &str| {
        format!(r#""t":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}"#)
    };
    let huge = u64::MAX;
    let near_overflow: String = (0..8u64)
        .map(|i| {
            let size = (1u64 << 61) - 1;
            let (start, end) = (i * size, (i + 1) * size);
            format!(r#""t{i}":{{"dtype":"U8","shape":[{size}],"data_offsets":[{start},{end}]}}"#)
        })
        .collect::<Vec<_>>()
        .join(",");
    for body in [
        tensor("F32", "[1099511627776]", "[0,4398046511104]"),
        tensor("F32", &format!("[{huge},{huge}]"), "[0,8]"),
        tensor("F32", "[2]", "[4,12]"),
        tensor("F32", "[2]", "[8,0]"),
        tensor("F32", "[1]", "[0,8]"),
        tensor("F32", "[-1]", "[0,8]"),
        tensor("F99", "[2]", "[0,8]"),
        format!(
            r#"{},"u":{{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
            tensor("F32", "[2]", "[0,8]")
        ),
        near_overflow,
        "[".repeat(100_000),
    ] {
        let path = write(&folder, "h.safetensors", &safetensors_with(&format!("{{{body}}}"), &[0; 8]));
        assert_eq!(refusal(&path), [Code::WeightsMalformed], "{:.80}", body);
    }
    let path = write(&folder, "h.safetensors", &[0xff; 64]);
    assert_eq!(refusal(&path), [Code::WeightsMalformed]);
}

#[test]
fn values_that_are_not_finite_and_types_that_are_no_numbers_are_refused() {
    let folder = TempDir::new().unwrap();
    let header = r#"{"nan":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
        "f8":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[8,12]}}"#;
    let data = [1f32.to_le_bytes(), f32::NAN.to_le_bytes(), [0; 4]].concat();
    let file = WeightFile::open(&write(&folder, "n.safetensors", &safetensors_with(header, &data))).unwrap();
    for name in ["nan", "f8"] {
        let error = file.tensor(name).unwrap_err();
        assert_eq!(codes(&error.clone().into()), [Code::TensorShape]);
        assert!(*error.place.subject() == Subject::Tensor(name.into()), "{error}");
    }
    assert!(file.tensor("nan").unwrap_err().message.contains("element 1"));
}

#[test]
fn missing_files_folders_and_other_extensions_have_their_own_codes() {
    let folder = TempDir::new().unwrap();
    for extension in ["safetensors", "pth"] {
        assert_eq!(refusal(&folder.path().join("none").with_extension(extension)), [Code::FileUnreadable]);
        let inner = folder.path().join("folder").with_extension(extension);
        std::fs::create_dir(&inner).unwrap();
        assert_eq!(refusal(&inner), [Code::FileUnreadable]);
    }
    assert_eq!(refusal(&write(&folder, "w.npz", b"PK")), [Code::WeightsMalformed]);
}

#[test]
fn a_missing_tensor_lists_near_names() {
    let folder = TempDir::new().unwrap();
    let path = StateDict::sdid(&Spec::small()).prefixed("module.").save(&folder.path().join("s.pth"));
    let error = WeightFile::open(&path).unwrap().tensor("conv1.0.weight").unwrap_err();
    assert_eq!(codes(&error.clone().into()), [Code::TensorMissing]);
    assert!(error.hint.unwrap().contains("`module.conv1.0.weight`"));
}

#[test]
fn a_checkpoint_is_read_exactly() {
    let folder = TempDir::new().unwrap();
    let dict = StateDict::vq(&Spec::small());
    let file = WeightFile::open(&dict.save(&folder.path().join("v.pth"))).unwrap();
    assert_eq!(file.names().len(), dict.0.len());
    for entry in &dict.0 {
        let tensor = file.tensor(&entry.name).unwrap();
        assert_eq!(tensor.shape, entry.shape);
        assert!(tensor.data.iter().zip(&entry.data).all(|(read, written)| read == f64::from(*written)));
    }
}

#[test]
fn truncated_and_damaged_checkpoints_never_panic() {
    let folder = TempDir::new().unwrap();
    let mut dict = StateDict::default();
    dict.add("conv1.0.weight", &[2, 2, 3, 3]);
    dict.add("conv1.0.bias", &[2]);
    let whole = std::fs::read(dict.save(&folder.path().join("whole.pth"))).unwrap();
    for length in 0..whole.len() {
        let cut = write(&folder, "cut.pth", &whole[..length]);
        let found = codes(&read_all(&cut).unwrap_err());
        assert_eq!(found, [Code::WeightsMalformed], "{length} of {} bytes", whole.len());
    }
    let mut state = 1u32;
    for round in 0..3000 {
        let mut damaged = whole.clone();
        for _ in 0..1 + round % 3 {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            let at = (state >> 8) as usize % damaged.len();
            damaged[at] = (state >> 3) as u8;
        }
        if let Err(error) = read_all(&write(&folder, "bad.pth", &damaged)) {
            codes(&error);
        }
    }
}

#[test]
fn hostile_pickles_are_refused_and_not_executed() {
    let folder = TempDir::new().unwrap();
    let victim = folder.path().join("executed");
    let command = format!("touch {}", victim.display());
    let text =
        |text: &str| [b"X".as_slice(), &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let call = [b"cposix\nsystem\n".to_vec(), text(&command), b"\x85R".to_vec()].concat();
    let value = [b"\x80\x02}".to_vec(), text("weight"), call.clone(), b"s.".to_vec()].concat();
    let dropped = [b"\x80\x02".to_vec(), call, b"0}.".to_vec()].concat();
    let protocol_0 = format!("cos\nsystem\n(S'{command}'\ntR.").into_bytes();
    let module = b"\x80\x02c__main__\nNet\n)\x81}X\x01\x00\x00\x00xK\x01sb.".to_vec();
    for (name, pickle) in
        [("value", value), ("dropped", dropped), ("protocol 0", protocol_0), ("module", module)]
    {
        for bytes in [archive(&pickle, vec![]), pickle] {
            assert_eq!(refusal(&write(&folder, "evil.pth", &bytes)), [Code::PickleRefused], "{name}");
        }
    }
    assert!(!victim.exists());
}

#[test]
fn garbage_and_old_formats_are_refused() {
    let folder = TempDir::new().unwrap();
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    let mut tar = vec![0; 1024];
    tar[257..262].copy_from_slice(b"ustar");
    let legacy_garbage = [magic.as_slice(), &[0xff; 300]].concat();
    for bytes in
        [b"".as_slice(), b"PK\x03\x04", b"garbage", b"\x80\x02}.", magic, &legacy_garbage, &tar, &[0x80; 400]]
    {
        assert_eq!(refusal(&write(&folder, "g.pth", bytes)), [Code::WeightsMalformed], "{bytes:.20?}");
    }
}

#[test]
fn a_legacy_stream_is_read() {
    let folder = TempDir::new().unwrap();
    let mut bytes = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.".to_vec();
    bytes.extend(b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.");
    bytes.extend(b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage");
    bytes.extend(b"ctorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x02NtQK\x00K\x02\x85K\x01\x85\x89}tRs.");
    bytes.extend(b"\x80\x02]X\x01\x00\x00\x000a.");
    bytes.extend(2i64.to_le_bytes());
    bytes.extend([0.5f32.to_le_bytes(), (-4f32).to_le_bytes()].concat());
    let whole = write(&folder, "old.pth", &bytes);
    assert_eq!(WeightFile::open(&whole).unwrap().tensor("w").unwrap().data, [0.5, -4.0]);
    for length in 0..bytes.len() {
        let found = codes(&read_all(&write(&folder, "cut.pth", &bytes[..length])).unwrap_err());
        assert_eq!(found, [Code::WeightsMalformed], "{length} bytes");
    }
}

#[test]
fn declared_sizes_allocate_nothing() {
    let folder = TempDir::new().unwrap();
    // One stored element, expanded by stride 0 to 2^31 - 1.
    let pickle = b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\n\
        FloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQK\x00J\xff\xff\xff\x7f\x85K\x00\x85\x89}tRs.";
    let path = write(&folder, "wide.pth", &archive(pickle, vec![vec![0; 4]]));
    let found = codes(&read_all(&path).unwrap_err());
    assert_eq!(found, [Code::WeightsMalformed]);
    let many = [b"\x80\x02".as_slice(), &vec![b'N'; 8 << 20], b"."].concat();
    assert_eq!(refusal(&write(&folder, "many.pth", &archive(&many, vec![]))), [Code::WeightsMalformed]);
    let long = vec![b'N'; 17 << 20];
    assert_eq!(refusal(&write(&folder, "long.pth", &archive(&long, vec![]))), [Code::WeightsMalformed]);
}
