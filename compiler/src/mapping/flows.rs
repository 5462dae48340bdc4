//! Traffic as text, so that placements of other people's partitions can be made and compared: a line
//! "source destination packets" for each flow, cores counted from 0; `#` begins a comment. A fourth number is the
//! timestep of the pass in which they are sent, on all lines or on none; who reads the file adds them up.

use std::fmt::Write;

use snnc_targets::{Code, Diagnostic, Place, Subject};

use super::traffic::CoreTraffic;
use crate::ir::CoreId;

/// Most cores that a file of flows may name.
const CORES_MOST: u32 = 1 << 24;

/// Flows in the adding up.
#[derive(Debug, Default)]
struct FlowSum {
    cores: usize,
    total: u64,
    traffic: CoreTraffic,
}

impl FlowSum {
    /// Adds a flow; what is wrong with it.
    fn add(&mut self, from: u32, to: u32, packets: u64) -> Result<(), String> {
        if let Some(core) = [from, to].into_iter().find(|&core| core >= CORES_MOST) {
            return Err(format!("expected a core from 0 to {}, found `{core}`", CORES_MOST - 1));
        }
        // Hops add less than 2^16 to each packet.
        self.total = self.total.saturating_add(packets);
        if self.total >= 1 << 48 {
            return Err("more than 2^48 packets in all".into());
        }
        self.cores = self.cores.max(from.max(to) as usize + 1);
        if from == to {
            self.traffic.local += packets;
        } else {
            *self.traffic.flows.entry((CoreId(from), CoreId(to))).or_default() += packets;
        }
        Ok(())
    }
}

/// Number of cores (one more than the largest named) and traffic of flows `[source, destination, packets]`. Flows named
/// twice add up.
///
/// # Errors
/// [`Code::Argument`] with the number of the flow, from 0, and without flows.
pub fn collect(flows: impl IntoIterator<Item = (u32, u32, u64)>) -> Result<(usize, CoreTraffic), Diagnostic> {
    let refuse = |message: String| {
        Diagnostic::new(Code::Argument, Subject::argument("flows"), message)
            .hint("a flow is source core, destination core and packets")
    };
    let mut sum = FlowSum::default();
    for (i, (from, to, packets)) in flows.into_iter().enumerate() {
        sum.add(from, to, packets).map_err(|message| refuse(format!("flow {i}: {message}")))?;
    }
    if sum.cores == 0 {
        return Err(refuse("there are none".into()));
    }
    Ok((sum.cores, sum.traffic))
}

/// The flows between `cores` cores as text. Packets that stay on their core are counted in a comment, as they cost a
/// placement nothing; a last core without flows is named by a flow of none to itself, so that it is read back.
pub fn write(cores: usize, traffic: &CoreTraffic) -> String {
    let mut text =
        format!("# source destination packets; {} more stay on the core that sends them\n", traffic.local);
    for ((from, to), packets) in &traffic.flows {
        let _ = writeln!(text, "{} {} {packets}", from.0, to.0);
    }
    let last = cores.saturating_sub(1) as u32;
    if traffic.flows.keys().all(|(from, to)| from.0.max(to.0) < last) {
        let _ = writeln!(text, "{last} {last} 0");
    }
    text
}

/// The flows between `cores` cores as text, those of each timestep after those of the one before.
pub fn write_by_timestep(cores: usize, steps: &[CoreTraffic]) -> String {
    let local: u64 = steps.iter().map(|step| step.local).sum();
    let mut text =
        format!("# source destination packets timestep; {local} more stay on the core that sends them\n");
    let last = cores.saturating_sub(1) as u32;
    let mut named = false;
    for (step, traffic) in steps.iter().enumerate() {
        for ((from, to), packets) in &traffic.flows {
            let _ = writeln!(text, "{} {} {packets} {step}", from.0, to.0);
            named |= from.0.max(to.0) >= last;
        }
    }
    if !named {
        let _ = writeln!(text, "{last} {last} 0 0");
    }
    text
}

/// Number of cores (one more than the largest named) and traffic, timesteps added up. Flows named twice add up;
/// `place` is the file's name.
///
/// # Errors
/// [`Code::TextForm`] with the line.
pub fn parse(text: &str, place: &str) -> Result<(usize, CoreTraffic), Diagnostic> {
    let mut sum = FlowSum::default();
    let mut timesteps: Option<bool> = None;
    for (i, line) in text.lines().enumerate() {
        let refuse = |message: String| {
            Diagnostic::new(Code::TextForm, Place::line(place, i + 1, None), message).hint(
                "a line is `source destination packets`, three whole numbers, with the timestep behind them on all \
                 lines or on none; `#` begins a comment",
            )
        };
        let words: Vec<&str> = line.split('#').next().unwrap_or("").split_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        let expected = timesteps.map_or("three or four", |given| if given { "four" } else { "three" });
        let unlike = || refuse(format!("expected {expected} numbers, found {}", words.len()));
        let (from, to, packets, timestep) = match words[..] {
            [from, to, packets] => (from, to, packets, None),
            [from, to, packets, timestep] => (from, to, packets, Some(timestep)),
            _ => return Err(unlike()),
        };
        if *timesteps.get_or_insert(timestep.is_some()) != timestep.is_some() {
            return Err(unlike());
        }
        if let Some(timestep) = timestep {
            let wrong = |_| refuse(format!("expected a timestep, found `{timestep}`"));
            timestep.parse::<u32>().map_err(wrong)?;
        }
        let core = |word: &str| {
            let wrong = || refuse(format!("expected a core from 0 to {}, found `{word}`", CORES_MOST - 1));
            word.parse::<u32>().map_err(|_| wrong())
        };
        let (from, to) = (core(from)?, core(to)?);
        let packets: u64 =
            packets.parse().map_err(|_| refuse(format!("expected packets, found `{packets}`")))?;
        sum.add(from, to, packets).map_err(refuse)?;
    }
    if sum.cores == 0 {
        return Err(Diagnostic::new(Code::TextForm, Place::file(place), "no flows"));
    }
    Ok((sum.cores, sum.traffic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_add_up_and_comments_are_skipped() {
        let (cores, traffic) = parse("# a b packets\n0 3 5\n\n0 3 2 # again\n1 1 9\n", "f").unwrap();
        assert_eq!((cores, traffic.local, traffic.packets()), (4, 9, 16));
        assert_eq!(traffic.flows[&(CoreId(0), CoreId(3))], 7);
    }

    #[test]
    fn flows_of_arrays_are_those_of_texts() {
        let text = parse("0 3 5\n0 3 2\n1 1 9\n", "f").unwrap();
        assert_eq!(collect([(0, 3, 5), (0, 3, 2), (1, 1, 9)]).unwrap(), text);
        for wrong in [vec![], vec![(0, 1 << 24, 1)], vec![(0, 1, 1), (1, 0, 1 << 48)]] {
            assert_eq!(collect(wrong).unwrap_err().code, Code::Argument);
        }
    }

    #[test]
    fn what_is_written_is_read_back_with_cores_that_send_nothing() {
        let flow = |from, to, packets| ((CoreId(from), CoreId(to)), packets);
        let flows = [flow(0, 2, 5), flow(2, 0, 7)];
        let traffic = CoreTraffic { flows: flows.into(), local: 4 };
        let text = write(5, &traffic);
        assert!(text.starts_with("# source destination packets; 4 more stay"), "{text}");
        assert_eq!(parse(&text, "f").unwrap(), (5, CoreTraffic { local: 0, ..traffic.clone() }));
        assert_eq!(parse(&write(3, &traffic), "f").unwrap().0, 3);
        assert_eq!(parse(&write(1, &CoreTraffic::default()), "f").unwrap().0, 1);
    }

    #[test]
    fn timesteps_are_read_back_as_their_sum() {
        let flow = |from, to, packets| ((CoreId(from), CoreId(to)), packets);
        let step = |flows: &[((CoreId, CoreId), u64)], local| CoreTraffic {
            flows: flows.iter().copied().collect(),
            local,
        };
        let steps = [step(&[flow(0, 2, 5)], 1), step(&[], 0), step(&[flow(0, 2, 4), flow(2, 0, 7)], 2)];
        let text = write_by_timestep(3, &steps);
        assert!(text.starts_with("# source destination packets timestep; 3 more stay"), "{text}");
        assert!(text.ends_with("0 2 5 0\n0 2 4 2\n2 0 7 2\n"), "{text}");
        assert_eq!(parse(&text, "f").unwrap(), (3, step(&[flow(0, 2, 9), flow(2, 0, 7)], 0)));
        assert_eq!(parse(&write_by_timestep(5, &steps), "f").unwrap().0, 5);
    }

    #[test]
    fn what_is_no_flow_is_refused_with_its_line() {
        for (text, place) in [
            ("0 1\n", "f:1"),
            ("0 1 2 3 4\n", "f:1"),
            ("0 1 2 3\n0 1 2\n", "f:2"),
            ("0 1 2 x\n", "f:1"),
            ("0 1 2\n0 1 2 3\n", "f:2"),
            ("0 -1 2\n", "f:1"),
            ("0 16777216 2\n", "f:1"),
            ("0 1 281474976710656\n", "f:1"),
            ("\n", "f"),
        ] {
            let problem = parse(text, "f").unwrap_err();
            assert_eq!(
                (problem.code, problem.place.to_string()),
                (Code::TextForm, place.to_owned()),
                "{text}"
            );
        }
    }
}
