//! Parts of a sweep put together: the folder of the whole, with the bytes that one run would have written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::folder::{Sweep, SweepFolder, SweepManifest};
use crate::shard::Shard;

/// Points that a message lists.
const LISTED: usize = 8;

/// Puts the parts in `folders` together in the folder `out`.
///
/// # Errors
/// [`Code::SweepInvalid`] for parts of different sweeps, points that two folders hold, and points that none holds;
/// those of [`Sweep::load`] and [`SweepFolder::open`].
pub fn merge(folders: &[PathBuf], out: &Path) -> Result<Sweep, Diagnostics> {
    let mut whole: Option<(SweepManifest, &Path)> = None;
    let mut held: BTreeMap<usize, &Path> = BTreeMap::new();
    let mut shards: Vec<Option<Shard>> = Vec::new();
    let mut outcomes = BTreeMap::new();
    for folder in folders {
        let part = Sweep::load(folder)?;
        shards.push(part.manifest.shard);
        let manifest = SweepManifest { shard: None, ..part.manifest };
        match &whole {
            None => whole = Some((manifest, folder)),
            Some((first, path)) => {
                let differs = first.differences(&manifest);
                if !differs.is_empty() {
                    let message = format!(
                        "this is of another sweep than {} ({} differ)",
                        path.display(),
                        differs.join(", ")
                    );
                    return Err(Diagnostic::new(Code::SweepInvalid, folder, message).into());
                }
            }
        }
        for (index, outcome) in part.outcomes {
            if let Some(other) = held.insert(index, folder) {
                let message = format!("point {index} is in {} too", other.display());
                return Err(Diagnostic::new(Code::SweepInvalid, folder, message)
                    .hint("give each part once")
                    .into());
            }
            outcomes.insert(index, outcome);
        }
    }
    let Some((manifest, first)) = whole else {
        let message = "expected the folders of the parts, one or more";
        return Err(Diagnostic::new(Code::SweepInvalid, out, message).into());
    };
    let missing: Vec<usize> =
        (0..manifest.points.len()).filter(|index| !outcomes.contains_key(index)).collect();
    if !missing.is_empty() {
        return Err(gap(first, &missing, &shards).into());
    }
    let mut folder = SweepFolder::open(out, manifest)?;
    for index in folder.missing() {
        if let Some(outcome) = outcomes.remove(&index) {
            folder.add(index, outcome)?;
        }
    }
    folder.finish()
}

/// Points that are in no part, and the parts that they should be in.
fn gap(folder: &Path, missing: &[usize], shards: &[Option<Shard>]) -> Diagnostic {
    let mut list: Vec<String> = missing.iter().take(LISTED).map(usize::to_string).collect();
    if missing.len() > LISTED {
        list.push(format!("and {} more", missing.len() - LISTED));
    }
    let message = format!("the parts do not make a whole: no folder holds point {}", list.join(", "));
    let of = shards.iter().flatten().map(|shard| shard.of).max();
    let parts: Vec<String> = (1..=of.unwrap_or(0))
        .map(|part| Shard { part, of: of.unwrap_or(1) })
        .filter(|shard| missing.iter().any(|&index| shard.holds(index)))
        .take(LISTED)
        .map(|shard| format!("--shard {shard}"))
        .collect();
    let problem = Diagnostic::new(Code::SweepInvalid, folder, message);
    if parts.is_empty() { problem } else { problem.hint(format!("finish or give {}", parts.join(", "))) }
}
