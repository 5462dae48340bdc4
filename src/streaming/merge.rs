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
    let refused = |folder: &Path, message: String| Diagnostic::new(Code::SweepInvalid, folder, message);
    let mut parts: Vec<(&PathBuf, output::Folder, ImageSetManifest, Set)> = Vec::new();
    for folder in folders {
        let Some(manifest) = ImageSetManifest::read(folder)? else {
            let message = format!("this is no folder of a set of images: it has no {MANIFEST}");
            return Err(Diagnostic::new(Code::FileUnreadable, folder, message).into());
        };
        if let Some((first, _, known, _)) = parts.first() {
            let mut differs = known.differences(&manifest);
            differs.retain(|name| *name != "shard");
            if !differs.is_empty() {
                let (first, differs) = (first.display(), differs.join(", "));
                let message = format!("this is of another set than {first} ({differs} differ)");
                return Err(refused(folder, message).into());
            }
        }
        let same = |other: &Path| other.canonicalize().ok() == folder.canonicalize().ok();
        if parts.iter().any(|(other, ..)| same(other)) {
            return Err(refused(folder, "the folder is given twice".into()).into());
        }
        let owned = output::Folder::claim(folder)?;
        let set = open(folder, &manifest)?;
        for range in set.chunks() {
            if let Some((other, ..)) = parts.iter().find(|(.., earlier)| earlier.holds_some(&range)) {
                let message =
                    format!("images {} to {} are in {} too", range.start, range.end - 1, other.display());
                return Err(refused(folder, message).hint("give each part once").into());
            }
        }
        parts.push((folder, owned, manifest, set));
    }
    let Some((first, _, manifest, _)) = parts.first() else {
        return Err(refused(out, "expected the folders of the parts, one or more".into()).into());
    };
    let mut at = 0;
    while at < manifest.images {
        let Some(range) = parts.iter().find_map(|(.., set)| set.chunk_from(at)) else {
            return Err(gap(first, at, &parts.iter().map(|part| part.2.shard).collect::<Vec<_>>()).into());
        };
        at = range.end;
    }
    let whole = ImageSetManifest { shard: None, ..manifest.clone() };
    let folder = output::Folder::claim(out)?;
    whole.claim(folder.path())?;
    let mut set = open(out, &whole)?;
    let mut at = 0;
    while let Some(missing) = set.missing(at) {
        let found = parts.iter().find_map(|(.., part)| Some((part, part.chunk_from(missing.start)?)));
        let Some((part, range)) = found else { return Err(gap(first, missing.start, &[]).into()) };
        set.copy(part, range.clone())?;
        at = range.end;
    }
    set.finish()?;
    Ok(whole.images)
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
fn gap(folder: &Path, image: u64, shards: &[Option<Shard>]) -> Diagnostic {
    let message = format!("the parts do not make a whole: no folder holds image {image} undamaged");
    let problem = Diagnostic::new(Code::SweepInvalid, folder, message);
    match shards.iter().flatten().map(|shard| shard.of).max() {
        Some(of) => {
            let shard = Shard { part: (image / CHUNK) % of + 1, of };
            problem.hint(format!("finish or give --shard {shard}"))
        }
        None => problem,
    }
}
