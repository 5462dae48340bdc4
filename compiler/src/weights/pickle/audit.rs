//! Walks a pickle opcode by opcode and refuses what a state dict does not need.
//!
//! It builds no objects: it skips arguments by their length and looks at the names that `GLOBAL`, `INST` and
//! `STACK_GLOBAL` ask for. Memory is bounded by a few short strings, time by the opcode limit and the input's length.
//! Opcodes as in CPython's `pickletools`, protocols 0 to 5.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

/// Most opcodes of one pickle: a state dict takes about 40 a tensor, a parser's stack about 100 bytes an opcode.
const MOST_OPCODES: usize = 1_000_000;
/// Longest line of a text opcode, in bytes.
const LONGEST_LINE: u64 = 4096;
/// Longest string that is kept because it may become a name, in bytes.
const LONGEST_NAME: u64 = 256;

/// Why a pickle is not read.
#[derive(Debug)]
pub(super) enum PickleFinding {
    /// It asks for this name.
    Code(String),
    /// It is not a pickle, or an implausible one.
    Malformed(String),
    /// It ends early or cannot be read.
    Unreadable(io::Error),
}

impl From<io::Error> for PickleFinding {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// Audits one pickle; leaves `input` behind its `STOP`.
///
/// # Errors
/// The first [`PickleFinding`].
pub(super) fn audit(input: &mut impl BufRead) -> Result<(), PickleFinding> {
    let mut walk = Walk::default();
    for _ in 0..MOST_OPCODES {
        let opcode = byte(input)?;
        if opcode == b'.' {
            return Ok(());
        }
        walk.step(opcode, input)?;
    }
    Err(PickleFinding::Malformed(format!("a pickle of over {MOST_OPCODES} opcodes")))
}

/// The strings that a `STACK_GLOBAL` may take as module and name.
#[derive(Debug, Default)]
struct Walk {
    /// What the last two value opcodes pushed, newest last; `None` where it was no short string.
    recent: [Option<String>; 2],
    /// What was memoized by slot; `None` where it was no short string. `MEMOIZE` takes the slot after as many.
    memo: HashMap<u64, Option<String>>,
}

impl Walk {
    fn step(&mut self, opcode: u8, input: &mut impl BufRead) -> Result<(), PickleFinding> {
        match opcode {
            b'c' | b'i' => self.global(input),
            0x93 => self.stack_global(),
            0x82..=0x84 => Err(PickleFinding::Code(String::from("copyreg extension"))),
            0x80 => skip(input, 1),
            0x95 => skip(input, 8),
            b'q' | b'r' | b'p' | 0x94 => self.put(opcode, input),
            b'h' | b'j' | b'g' => self.get(opcode, input),
            b'X' | 0x8c | 0x8d | b'S' | b'V' | b'U' | b'T' => self.string(opcode, input),
            _ => {
                self.push(None);
                argument(opcode, input)
            }
        }
    }

    fn push(&mut self, value: Option<String>) {
        self.recent.swap(0, 1);
        self.recent[1] = value;
    }

    /// `GLOBAL` and `INST`: module and name on a line each.
    fn global(&mut self, input: &mut impl BufRead) -> Result<(), PickleFinding> {
        let (module, name) = (line(input)?, line(input)?);
        self.push(None);
        permit(&module, &name)
    }

    /// `STACK_GLOBAL`: module and name are the two strings last pushed.
    fn stack_global(&mut self) -> Result<(), PickleFinding> {
        let taken = std::mem::take(&mut self.recent);
        match taken {
            [Some(module), Some(name)] => permit(&module, &name),
            _ => Err(PickleFinding::Code(String::from("a name that is computed"))),
        }
    }

    fn string(&mut self, opcode: u8, input: &mut impl BufRead) -> Result<(), PickleFinding> {
        let text = match opcode {
            b'S' | b'V' => line(input)?.trim_matches(['\'', '"']).to_owned(),
            b'U' | 0x8c => counted(input, 1)?,
            0x8d => counted(input, 8)?,
            _ => counted(input, 4)?,
        };
        self.push(Some(text));
        Ok(())
    }

    /// Memoizes what was pushed last; the stack stays as it is.
    fn put(&mut self, opcode: u8, input: &mut impl BufRead) -> Result<(), PickleFinding> {
        let slot = match opcode {
            0x94 => self.memo.len() as u64,
            _ => slot(opcode == b'p', opcode == b'q', input)?,
        };
        // Also what is unknown overwrites: a slot must never speak for an older value.
        self.memo.insert(slot, self.recent[1].clone());
        Ok(())
    }

    fn get(&mut self, opcode: u8, input: &mut impl BufRead) -> Result<(), PickleFinding> {
        let slot = slot(opcode == b'g', opcode == b'h', input)?;
        let text = self.memo.get(&slot).cloned().flatten();
        self.push(text);
        Ok(())
    }
}

/// Whether a state dict may ask for this name; the list is that of PyTorch's `weights_only`, shortened.
fn permit(module: &str, name: &str) -> Result<(), PickleFinding> {
    let permitted = match module {
        "collections" => name == "OrderedDict",
        "torch._utils" => matches!(
            name,
            "_rebuild_tensor"
                | "_rebuild_tensor_v2"
                | "_rebuild_tensor_v3"
                | "_rebuild_parameter"
                | "_rebuild_parameter_with_state"
        ),
        "torch._tensor" => name == "_rebuild_from_type_v2",
        "torch" => name.ends_with("Storage") || is_plain(name),
        "torch.storage" => matches!(name, "TypedStorage" | "UntypedStorage"),
        "torch.nn.parameter" => name == "Parameter",
        "builtins" | "__builtin__" => matches!(name, "set" | "frozenset"),
        _ => false,
    };
    if permitted { Ok(()) } else { Err(PickleFinding::Code(format!("{module}.{name}"))) }
}

/// Names of `torch` that are mere values: shapes, devices and element types.
fn is_plain(name: &str) -> bool {
    matches!(name, "Size" | "Tensor" | "device" | "bool")
        || ["float", "bfloat", "int", "uint"]
            .iter()
            .any(|kind| name.strip_prefix(kind).is_some_and(|bits| matches!(bits, "8" | "16" | "32" | "64")))
}

/// Skips the argument of an opcode that pushes no string.
fn argument(opcode: u8, input: &mut impl BufRead) -> Result<(), PickleFinding> {
    match opcode {
        b'('
        | b'0'
        | b'1'
        | b'2'
        | b'N'
        | b'Q'
        | b'R'
        | b'a'
        | b'b'
        | b'd'
        | b'}'
        | b'e'
        | b'l'
        | b']'
        | b'o'
        | b's'
        | b't'
        | b')'
        | b'u'
        | 0x81
        | 0x85..=0x89
        | 0x8f..=0x92
        | 0x97
        | 0x98 => Ok(()),
        b'K' => skip(input, 1),
        b'M' => skip(input, 2),
        b'J' => skip(input, 4),
        b'G' => skip(input, 8),
        b'I' | b'L' | b'F' | b'P' => line(input).map(drop),
        b'C' | 0x8a => counted(input, 1).map(drop),
        b'B' | 0x8b => counted(input, 4).map(drop),
        0x8e | 0x96 => counted(input, 8).map(drop),
        other => Err(PickleFinding::Malformed(format!("no pickle opcode: {other:#04x}"))),
    }
}

fn byte(input: &mut impl Read) -> Result<u8, PickleFinding> {
    let mut byte = [0];
    input.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// A little-endian number of `width` bytes, at most 8.
fn number(input: &mut impl Read, width: usize) -> Result<u64, PickleFinding> {
    let mut bytes = [0; 8];
    input.read_exact(bytes.split_at_mut(width).0)?;
    Ok(u64::from_le_bytes(bytes))
}

/// A memo slot: a decimal line, one byte, or four.
fn slot(text: bool, short: bool, input: &mut impl BufRead) -> Result<u64, PickleFinding> {
    if text {
        let text = line(input)?;
        return text.parse().map_err(|_| PickleFinding::Malformed(String::from("a memo slot is no number")));
    }
    number(input, if short { 1 } else { 4 })
}

fn skip(input: &mut impl Read, length: u64) -> Result<(), PickleFinding> {
    if io::copy(&mut input.take(length), &mut io::sink())? == length {
        Ok(())
    } else {
        Err(PickleFinding::Unreadable(io::ErrorKind::UnexpectedEof.into()))
    }
}

/// A string behind its length of `width` bytes; at most [`LONGEST_NAME`] bytes of it are kept.
fn counted(input: &mut impl Read, width: usize) -> Result<String, PickleFinding> {
    let length = number(input, width)?;
    let mut kept = Vec::new();
    input.take(length.min(LONGEST_NAME)).read_to_end(&mut kept)?;
    skip(input, length - kept.len() as u64)?;
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

/// A line without its end.
fn line(input: &mut impl BufRead) -> Result<String, PickleFinding> {
    let mut bytes = Vec::new();
    input.take(LONGEST_LINE).read_until(b'\n', &mut bytes)?;
    match bytes.pop() {
        Some(b'\n') => Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\r').to_owned()),
        _ => Err(PickleFinding::Malformed(String::from("a text line has no end"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pickle: &[u8]) -> String {
        match audit(&mut io::Cursor::new(pickle)) {
            Ok(()) => String::from("passes"),
            Err(PickleFinding::Code(name)) => name,
            Err(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn code_is_found_however_it_is_spelt() {
        assert_eq!(names(b"cos\nsystem\n(S'echo'\ntR."), "os.system");
        assert_eq!(names(b"(S'echo'\nios\nsystem\n."), "os.system");
        assert_eq!(names(b"\x80\x02cposix\nsystem\nq\x00X\x04\x00\x00\x00echo\x85R0}."), "posix.system");
        assert_eq!(names(b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x8c\x04echo\x85R."), "os.system");
        let through_memo = b"\x80\x04\x8c\x02os\x940\x8c\x06system\x940h\x00h\x01\x93.";
        assert_eq!(names(through_memo), "os.system");
        let stale_slot = b"\x80\x04\x8c\x0bcollectionsq\x000\x8c\x02osN0q\x000h\x00\x8c\x06system\x93.";
        assert_eq!(names(stale_slot), "a name that is computed");
        let reused_slot = b"\x80\x04\x8c\x01aq\x00\x8c\x02osq\x00\x8c\x01b\x9400h\x00\x8c\x06system\x93.";
        assert_eq!(names(reused_slot), "os.system");
        assert_eq!(names(b"\x80\x04NN\x93."), "a name that is computed");
        assert_eq!(names(b"\x80\x02\x82\x01."), "copyreg extension");
    }

    #[test]
    fn plain_containers_pass() {
        assert_eq!(names(b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01."), "passes");
        assert_eq!(names(b"\x80\x02}q\x00X\x01\x00\x00\x00aK\x01s."), "passes");
    }

    #[test]
    fn declared_lengths_allocate_nothing_and_endless_pickles_end() {
        assert!(names(b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f").contains("UnexpectedEof"));
        assert!(names(&vec![b'N'; MOST_OPCODES + 9]).contains("opcodes"));
        assert!(names(&[0xff]).contains("no pickle opcode"));
        assert!(names(&[b'I'; 5000]).contains("no end"));
    }
}
