//! Ranks: processes that `mpirun` or another job system starts together.
//!
//! [`started`] reads from the environment whether there are several. With the feature `mpi` they find each other
//! (the room `mpi`), and the command spreads its work over them; without it each would do all of the work, so the
//! command refuses ([`refuse`]). [`agree`] tells all ranks what became of each. [`network`] is for networks larger than
//! a machine, of which each rank runs a part.

#[cfg(feature = "mpi")]
pub mod mpi;
pub mod network;

use std::collections::BTreeMap;

use snnc_simulator::exchange::Exchange;
use snnc_targets::{Code, Diagnostic, Subject};

/// Variables in which MPI libraries and job systems say how many processes they started together: Open MPI; MPICH,
/// Intel MPI and Slurm's PMI.
const SIZES: [&str; 2] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"];
/// Where only the number of the process is said, which is less than their number: PMIx.
const RANK: &str = "PMIX_RANK";

/// What the environment says of processes that were started together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The variable that says so.
    pub variable: &'static str,
    /// Its value.
    pub value: usize,
}

/// Whether this process is one of several that were started together; `variable` gives the value of an environment
/// variable. Of processes that know their number alone the first one cannot tell.
pub fn started(variable: impl Fn(&str) -> Option<String>) -> Option<Started> {
    let number = |name: &str| variable(name)?.trim().parse::<usize>().ok();
    let sizes = SIZES.into_iter().filter_map(|name| Some(Started { variable: name, value: number(name)? }));
    match sizes.max_by_key(|started| started.value) {
        Some(started) => Some(started).filter(|started| started.value > 1),
        None => number(RANK).filter(|&rank| rank > 0).map(|value| Started { variable: RANK, value }),
    }
}

/// Whether a job system has started this process, be it alone or one of several.
pub fn in_a_job(variable: impl Fn(&str) -> Option<String>) -> bool {
    SIZES.into_iter().chain([RANK]).any(|name| variable(name).is_some())
}

/// The refusal of a build without MPI to be one of several ranks.
pub fn refuse(started: &Started) -> Diagnostic {
    let Started { variable, value } = started;
    let message = "this is one of several processes that were started together, and this build knows no MPI: each of \
                   them would do all of the work";
    Diagnostic::new(Code::Ranks, Subject::value(*variable, value), message).hint(
        "build snnc with `--features mpi`, give each process a --shard I/N of its own, or unset the variable if the \
         process is to work alone",
    )
}

/// What became of the ranks: texts of those that failed, each once, with the ranks that said so. None of them if all
/// succeeded. All ranks must call it, and are told the same.
pub fn agree(ranks: &dyn Exchange, failed: Option<&str>) -> Vec<(String, Vec<usize>)> {
    // A text that is there may be empty.
    let own = failed.map_or(String::new(), |text| format!("!{text}"));
    let mut said: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (rank, text) in ranks.gather_texts(&own).into_iter().enumerate() {
        if let Some(text) = text.strip_prefix('!') {
            said.entry(text.to_owned()).or_default().push(rank);
        }
    }
    let mut said: Vec<_> = said.into_iter().collect();
    said.sort_by_key(|(_, ranks)| ranks[0]);
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use snnc_simulator::exchange::threads::together;

    #[test]
    fn several_processes_are_seen_in_the_environment() {
        let of = |variables: &[(&str, &str)]| {
            started(|name| Some(variables.iter().find(|(other, _)| *other == name)?.1.to_owned()))
                .map(|started| (started.variable, started.value))
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("OMPI_COMM_WORLD_SIZE", "1"), ("PMIX_RANK", "0")]), None);
        assert_eq!(
            of(&[("OMPI_COMM_WORLD_SIZE", "4"), ("PMIX_RANK", "0")]),
            Some(("OMPI_COMM_WORLD_SIZE", 4))
        );
        assert_eq!(of(&[("PMI_SIZE", "2")]), Some(("PMI_SIZE", 2)));
        assert_eq!(of(&[("PMI_SIZE", "many")]), None);
        assert_eq!(of(&[("PMIX_RANK", "3")]), Some(("PMIX_RANK", 3)));
        assert_eq!(of(&[("PMIX_RANK", "0")]), None);
        let job = |variables: &[&str]| in_a_job(|name| variables.contains(&name).then(|| "1".to_owned()));
        assert!(job(&["OMPI_COMM_WORLD_SIZE"]) && job(&["PMIX_RANK"]) && !job(&["HOME"]));
    }

    #[test]
    fn each_failure_is_told_once_with_its_ranks() {
        let told = together(4, |ranks| {
            let failed = ["full", "", "full"].get(ranks.rank()).copied();
            (agree(&*ranks, failed), agree(&*ranks, None))
        });
        for (failed, fine) in told {
            assert_eq!(failed, [("full".to_owned(), vec![0, 2]), (String::new(), vec![1])]);
            assert!(fine.is_empty());
        }
    }
}
