//! Parts of a set put together: chunk by chunk, each checked against its checksum, into the folder of the whole.

use std::path::{Path, PathBuf};

use snnc_compiler::ir::Shape;
use snnc_targets::{Code, Diagnostic, Diagnostics, output};

use super::set::Set;
use super::{CHUNK, ImageSetManifest, MANIFEST};
use crate::shard::Shard;

/// Whether a folder is that of a set of images, or of a part of one.
pub fn is_set(folder: &Path) -> bool {
    folder.join(MANIFEST).exists()
}

/// Puts the parts in `folders` together in the folder `out`; the number of images.
///
/// # Errors
/// [`Code::SweepInvalid`] for parts of different sets, chunks that two folders hold, and chunks that none holds or
/// whose checksum is wrong; [`Code::OutputFailed`], also for a part that another process writes into.
pub fn merge(folders: &[PathBuf], out: &Path) -> Result<u64, Diagnostics> {
    let parts = opened(folders)?;
    let Some(first) = parts.first() else {
        return Err(refused(out, "expected the folders of the parts, one or more".into()).into());
    };
    let (images, mut at) = (first.manifest.images, 0);
    while at < images {
        let Some(range) = parts.iter().find_map(|part| part.set.chunk_from(at)) else {
            return Err(gap(&parts, at).into());
        };
        at = range.end;
    }
    let whole = ImageSetManifest { shard: None, ..first.manifest.clone() };
    let folder = output::Folder::claim(out)?;
    whole.claim(folder.path())?;
    let mut set = open(out, &whole)?;
    let mut at = 0;
    while let Some(missing) = set.missing(at) {
        let found = parts.iter().find_map(|part| Some((part, part.set.chunk_from(missing.start)?)));
        let Some((part, range)) = found else { return Err(gap(&parts, missing.start).into()) };
        set.copy(&part.set, range.clone())?;
        at = range.end;
    }
    set.finish()?;
    Ok(images)
}

/// A part, owned by this process.
struct OwnedPart {
    folder: PathBuf,
    _owned: output::Folder,
    manifest: ImageSetManifest,
    set: Set,
}

/// The parts, if they are of one set and hold no image twice.
fn opened(folders: &[PathBuf]) -> Result<Vec<OwnedPart>, Diagnostic> {
    let mut parts: Vec<OwnedPart> = Vec::new();
    for folder in folders {
        let Some(manifest) = ImageSetManifest::read(folder)? else {
            let message = "this is no folder of a set of images: it has no generate.json";
            return Err(Diagnostic::new(Code::FileUnreadable, folder, message));
        };
        if let Some(first) = parts.first() {
            let mut differs = first.manifest.differences(&manifest);
            differs.retain(|name| *name != "shard");
            if !differs.is_empty() {
                let (first, differs) = (first.folder.display(), differs.join(", "));
                return Err(refused(
                    folder,
                    format!("this is of another set than {first} ({differs} differ)"),
                ));
            }
        }
        let same = |other: &Path| other.canonicalize().ok() == folder.canonicalize().ok();
        if parts.iter().any(|part| same(&part.folder)) {
            return Err(refused(folder, "the folder is given twice".into()));
        }
        let owned = output::Folder::claim(folder)?;
        let set = open(folder, &manifest)?;
        for range in set.chunks() {
            if let Some(other) = parts.iter().find(|part| part.set.holds_some(&range)) {
                let other = other.folder.display();
                let message = format!("images {} to {} are in {other} too", range.start, range.end - 1);
                return Err(refused(folder, message).hint("give each part once"));
            }
        }
        parts.push(OwnedPart { folder: folder.clone(), _owned: owned, manifest, set });
    }
    Ok(parts)
}

fn refused(folder: &Path, message: String) -> Diagnostic {
    Diagnostic::new(Code::SweepInvalid, folder, message)
}

fn open(folder: &Path, manifest: &ImageSetManifest) -> Result<Set, Diagnostic> {
    let ([channels, height, width], [rows, columns]) = manifest.shape;
    if [channels, height, width, rows, columns].contains(&0) {
        let message = "the set does not say the extent of its images: it was begun by an earlier version";
        return Err(Diagnostic::new(Code::SweepInvalid, folder, message));
    }
    Set::open(folder, manifest, Shape::new(channels, height, width), (rows, columns))
}

/// Images that are in no part, and the part that they should be in.
fn gap(parts: &[OwnedPart], image: u64) -> Diagnostic {
    let folder = parts.first().map_or(Path::new(""), |part| &part.folder);
    let problem =
        refused(folder, format!("the parts do not make a whole: no folder holds image {image} undamaged"));
    match parts.iter().filter_map(|part| part.manifest.shard).map(|shard| shard.of).max() {
        Some(of) => {
            let shard = Shard { part: (image / CHUNK) % of + 1, of };
            problem.hint(format!("finish or give --shard {shard}"))
        }
        None => problem,
    }
}
