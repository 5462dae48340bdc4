//! All parts of a whole: each there once, each undamaged, all of the same work.
//!
//! Their folders are read and never written, so no lock holds them. A run that replaces a part's files changes its list
//! of files first; so if that list is the same before and after ([`Whole::unchanged`]), what was read was one set.

use std::path::{Path, PathBuf};

use snnc_compiler::ir::program::Program as Mapped;
use snnc_targets::{Code, Diagnostic, Diagnostics, output};

use super::manifest::{self, PartManifest, Spent};
use super::records::RecordReader;
use super::{PROGRAM, RECORDS};
use crate::program::Program;
use crate::shard::Shard;

/// Parts that a message lists.
const LISTED: usize = 8;

/// A part.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) folder: PathBuf,
    /// BLAKE3 of its list of files.
    files: blake3::Hash,
    pub(super) manifest: PartManifest,
    pub(super) records: RecordReader,
}

impl Part {
    fn open(folder: &Path) -> Result<Self, Diagnostic> {
        if !folder.join(manifest::FILE).is_file() {
            let message = format!("this is no folder of a part: it has no {}", manifest::FILE);
            return Err(Diagnostic::new(Code::FileUnreadable, folder, message)
                .hint("a part that was stopped leaves none; make it again"));
        }
        let files = list_of_files(folder)?;
        output::check_set(folder)?;
        let manifest = PartManifest::read(folder)?;
        let records = RecordReader::new(folder.join(RECORDS));
        Ok(Self { folder: folder.to_owned(), files, manifest, records })
    }
}

impl Part {
    /// Whether its files are still those that were opened.
    fn unchanged(&self) -> Result<(), Diagnostic> {
        if list_of_files(&self.folder)? == self.files {
            return Ok(());
        }
        let message = "another run has replaced this part while it was read";
        Err(Diagnostic::new(Code::OutputFailed, &self.folder, message).hint("merge again when it has ended"))
    }
}

fn list_of_files(folder: &Path) -> Result<blake3::Hash, Diagnostic> {
    let path = folder.join(output::MANIFEST);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(blake3::hash(&bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let message = format!("this is no folder of a part: it has no {}", output::MANIFEST);
            Err(Diagnostic::new(Code::FileUnreadable, folder, message).hint("make the part again"))
        }
        Err(error) => Err(Diagnostic::unreadable(&path, &error)),
    }
}

/// The parts in `folders`, in the order of their numbers.
///
/// # Errors
/// [`Code::SweepInvalid`] for parts of different works, parts that are there twice or not at all;
/// [`Code::OutputFailed`] for damaged ones; [`Code::FileUnreadable`] for folders that are no parts.
pub(super) fn opened(folders: &[PathBuf]) -> Result<Whole, Diagnostic> {
    let mut parts: Vec<Part> = Vec::new();
    let mut seen: std::collections::BTreeMap<u64, PathBuf> = Default::default();
    for folder in folders {
        if seen.values().any(|other| other.canonicalize().ok() == folder.canonicalize().ok()) {
            return Err(refused(folder, "the folder is given twice".into()));
        }
        let part = Part::open(folder)?;
        if let Some(first) = parts.first() {
            let differs = first.manifest.differences(&part.manifest);
            if !differs.is_empty() {
                let (first, differs) = (first.folder.display(), differs.join(", "));
                return Err(refused(
                    folder,
                    format!("this is of another run than {first} ({differs} differ)"),
                ));
            }
        }
        if let Some(other) = seen.insert(part.manifest.shard.part, folder.clone()) {
            let message = format!("part {} is in {} too", part.manifest.shard, other.display());
            return Err(refused(folder, message).hint("give each part once"));
        }
        parts.push(part);
    }
    parts.sort_by_key(|part| part.manifest.shard.part);
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else {
        return Err(refused(Path::new(""), "expected the folders of the parts, one or more".into()));
    };
    let of = first.manifest.shard.of;
    if (seen.len() as u64) < of {
        let missing: Vec<u64> = (1..=of).filter(|part| !seen.contains_key(part)).take(LISTED + 1).collect();
        return Err(gap(&first.folder, &missing, of));
    }
    Ok(Whole { first, others: parts.collect() })
}

/// All parts of a work.
#[derive(Debug)]
pub(super) struct Whole {
    /// Part 1, which also holds the program.
    pub(super) first: Part,
    /// The others, in order.
    others: Vec<Part>,
}

impl Whole {
    /// Samples or images of the whole.
    pub(super) fn items(&self) -> u64 {
        self.first.manifest.items
    }

    /// The part that made an item, by its number in the whole.
    pub(super) fn part_of(&mut self, item: u64) -> Result<&mut Part, Diagnostic> {
        let of = self.others.len() as u64 + 1;
        let (folder, at) = (self.first.folder.clone(), usize::try_from(item % of).ok());
        let part = at.and_then(|at| std::iter::once(&mut self.first).chain(&mut self.others).nth(at));
        part.ok_or_else(|| refused(&folder, format!("no part holds item {item}")))
    }

    /// Whether the files of all parts are still those that were opened.
    ///
    /// # Errors
    /// [`Code::OutputFailed`] if another run has replaced them.
    pub(super) fn unchanged(&self) -> Result<(), Diagnostic> {
        std::iter::once(&self.first).chain(&self.others).try_for_each(Part::unchanged)
    }

    /// The program of the parts.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`] for another program; those of [`Program::load`].
    pub(super) fn program(&self) -> Result<Program, Diagnostics> {
        let path = self.first.folder.join(PROGRAM);
        let program = Program::from(Mapped::load(&path)?);
        if program.fingerprint() != self.first.manifest.program {
            let message = format!("this is not the program that {} names", manifest::FILE);
            let problem = Diagnostic::new(Code::FileUnreadable, &path, message);
            return Err(problem.hint("make the part again").into());
        }
        Ok(program)
    }

    /// What all parts took: the seconds of all, and the memory of the largest.
    pub(super) fn spent(&self) -> Spent {
        let parts = std::iter::once(&self.first).chain(&self.others);
        parts.map(|part| part.manifest.spent).fold(Spent::default(), |sum, part| Spent {
            compile_s: sum.compile_s + part.compile_s,
            wall_s: sum.wall_s + part.wall_s,
            peak_memory_bytes: sum.peak_memory_bytes.max(part.peak_memory_bytes),
        })
    }
}

/// Parts that no folder holds.
fn gap(folder: &Path, missing: &[u64], of: u64) -> Diagnostic {
    let mut list: Vec<String> =
        missing.iter().take(LISTED).map(|&part| Shard { part, of }.to_string()).collect();
    if missing.len() > LISTED {
        list.push("and more".into());
    }
    let list = list.join(", ");
    refused(folder, format!("the parts do not make a whole: no folder holds part {list}"))
        .hint(format!("finish or give --shard {list}"))
}

pub(super) fn refused(folder: &Path, message: String) -> Diagnostic {
    Diagnostic::new(Code::SweepInvalid, folder, message)
}
