//! Ranks: processes that a job system starts together. Without MPI they refuse to do the same work several times; with
//! it (feature `mpi`, `tests/mpi.sh`) they give the folder of one process, byte for byte, and a rank that dies loses
//! nothing.

#[cfg(not(feature = "mpi"))]
use crate::common::process::{fails, ok, snnc};
use crate::parts::{examples, words};

mod network;
#[cfg(feature = "mpi")]
mod over_mpi;

/// What several processes that were started together are told by a build without MPI.
#[cfg(not(feature = "mpi"))]
#[test]
fn without_mpi_no_process_does_the_work_of_all() {
    let folder = tempfile::tempdir().unwrap();
    let bars = examples("bars-events");
    let run = format!("run {bars}/model.ron --effort fast --input {bars}/inputs.npy --samples 2 --out @/out");
    for variable in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"] {
        for line in [run.as_str(), "targets"] {
            fails(snnc(words(line, folder.path())).env(variable, "2"), "E0040", variable);
        }
    }
    assert!(!folder.path().join("out").exists());
    // One process of a job, and processes that have parts of their own.
    ok(snnc(["targets"]).env("OMPI_COMM_WORLD_SIZE", "1"));
    let part = format!("{run} --shard 2/2");
    ok(snnc(words(&part, folder.path())).env("OMPI_COMM_WORLD_SIZE", "2"));
    assert!(folder.path().join("out/part.json").is_file());
    // A process that no job system has started has no ranks to run a network with.
    let mut alone = snnc(["simulate", "none.snnx", "--over-ranks", "network"]);
    let variables = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"];
    variables.into_iter().for_each(|variable| _ = alone.env_remove(variable));
    fails(&mut alone, "E0021", "--over-ranks");
}
