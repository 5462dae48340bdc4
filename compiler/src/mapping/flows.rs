//! Traffic as text, so that placements of other people's partitions can be made and compared: a line
//! "source destination packets" for each flow, cores counted from 0; `#` begins a comment.

use std::fmt::Write;

use snnc_targets::{Code, Diagnostic, Place};

use super::traffic::CoreTraffic;
use crate::ir::CoreId;

/// Most cores that a file of flows may name.
const CORES_MOST: u32 = 1 << 24;

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

/// Number of cores (one more than the largest named) and traffic. Flows named twice add up; `place` is the file's name.
///
/// # Errors
/// [`Code::TextForm`] with the line.
pub fn parse(text: &str, place: &str) -> Result<(usize, CoreTraffic), Diagnostic> {
    let mut traffic = CoreTraffic::default();
    let (mut cores, mut total) = (0, 0u64);
    for (i, line) in text.lines().enumerate() {
        let refuse = |message: String| {
            Diagnostic::new(Code::TextForm, Place::line(place, i + 1, None), message)
                .hint("a line is `source destination packets`, three whole numbers; `#` begins a comment")
        };
        let words: Vec<&str> = line.split('#').next().unwrap_or("").split_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        let [from, to, packets] = words[..] else {
            return Err(refuse(format!("expected three numbers, found {}", words.len())));
        };
        let core = |word: &str| match word.parse::<u32>() {
            Ok(core) if core < CORES_MOST => Ok(core),
            _ => Err(refuse(format!("expected a core from 0 to {}, found `{word}`", CORES_MOST - 1))),
        };
        let (from, to) = (core(from)?, core(to)?);
        let packets: u64 =
            packets.parse().map_err(|_| refuse(format!("expected packets, found `{packets}`")))?;
        // Hops add less than 2^16 to each packet.
        total = total.saturating_add(packets);
        if total >= 1 << 48 {
            return Err(refuse("more than 2^48 packets in all".into()));
        }
        cores = cores.max(from.max(to) as usize + 1);
        if from == to {
            traffic.local += packets;
        } else {
            *traffic.flows.entry((CoreId(from), CoreId(to))).or_default() += packets;
        }
    }
    if cores == 0 {
        return Err(Diagnostic::new(Code::TextForm, Place::file(place), "no flows"));
    }
    Ok((cores, traffic))
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
    fn what_is_no_flow_is_refused_with_its_line() {
        for (text, place) in [
            ("0 1\n", "f:1"),
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
