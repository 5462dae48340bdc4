//! Text forms: RON with a comment header for people, compact number blocks, and a parser that gives back the same
//! value (`parse(print(x)) == x`).

use serde::Serialize;
use serde::de::DeserializeOwned;
use snnc_targets::numbers::counted;
use snnc_targets::{Code, Diagnostic, Place, ron_text};

use super::program::Program;
use super::spiking::{Bias, SpikingIr, SpikingModel};

/// Prints `value` as RON below `header` (each line becomes a comment).
pub fn print<T: Serialize>(header: &str, value: &T) -> String {
    let mut text: String = header.lines().map(|line| format!("// {line}\n")).collect();
    let style = ron::ser::PrettyConfig::new().compact_arrays(true).indentor("  ").struct_names(true);
    text += &ron_text::print(value, style).expect("IRs hold only plain data");
    text.push('\n');
    text
}

/// Parses what [`print()`] wrote; `place` names it in errors.
///
/// # Errors
/// [`Code::TextForm`] with line and column.
pub fn parse<T: DeserializeOwned>(text: &str, place: &str) -> Result<T, Diagnostic> {
    ron::from_str(text).map_err(|error| {
        let at = error.span.start;
        Diagnostic::new(Code::TextForm, Place::line(place, at.line, Some(at.col)), error.code.to_string())
    })
}

impl SpikingIr {
    /// The whole IR as text, below a summary for people.
    pub fn to_text(&self) -> String {
        let mut header = model_header(&self.model);
        for (id, p) in self.projections.iter() {
            let (from, to) = (self.model.layer_name(p.source), self.model.layer_name(p.target));
            let kind = p.conv().map_or("sparse".to_owned(), |conv| {
                let k = &conv.kernel;
                let c = &k.channels;
                let groups = if c.groups == 1 { String::new() } else { format!("{} groups of ", c.groups) };
                format!("{groups}kernel [{}, {}, {}, {}]", c.inputs, k.height, k.width, c.outputs)
            });
            header += &format!("{id} {from} -> {to}: {kind}, delay {}, {} synapses\n", p.delay, p.synapses());
        }
        print(&header, self)
    }

    /// Reads [`SpikingIr::to_text`] back; not verified.
    ///
    /// # Errors
    /// [`Code::TextForm`] with line and column.
    pub fn from_text(text: &str, place: &str) -> Result<Self, Diagnostic> {
        parse(text, place)
    }
}

impl Program {
    /// The summary above the text form: model, cores and what each holds.
    pub fn text_header(&self) -> String {
        let mut header = format!("program for {}\n", self.target.name) + &model_header(&self.model);
        let topology = self.topology();
        header += &format!(
            "{}, {} of {}\n",
            counted(self.cores.len() as u64, "core"),
            counted(self.chips.into(), "chip"),
            counted(topology.cores_per_chip().into(), "core")
        );
        for (id, core) in self.cores.iter() {
            let (tile, chip) = (topology.tile_of(self.sites[id]), topology.chip_of(self.sites[id]));
            header += &format!("{id} {} chip {chip} tile ({}, {}):", self.sites[id], tile.x, tile.y);
            for s in &core.slices {
                let (slice, name) = (&s.slice, self.model.layer_name(s.slice.population));
                header += &format!(" {name} c {:?} y {:?} x {:?}", slice.channels, slice.rows, slice.cols);
            }
            let sent: usize = core.slices.iter().map(|s| s.destinations.len()).sum();
            header += &format!(
                ", {} neurons, {} weights, {} lists, {} axons in, {sent} out\n",
                core.neurons(),
                core.weights.len(),
                core.lists.len(),
                core.axons.len()
            );
        }
        header
    }

    /// The whole program as text, below [`Program::text_header`].
    pub fn to_text(&self) -> String {
        print(&self.text_header(), self)
    }

    /// Reads [`Program::to_text`] back; not verified.
    ///
    /// # Errors
    /// [`Code::TextForm`] with line and column.
    pub fn from_text(text: &str, place: &str) -> Result<Self, Diagnostic> {
        parse(text, place)
    }
}

/// Networks and populations, one line each.
fn model_header(model: &SpikingModel) -> String {
    let mut text = format!("model {}\n", model.name);
    for (id, network) in model.networks.iter() {
        text += &format!(
            "{id} {}: {} timesteps, {} a pass\n",
            network.name, network.timesteps, network.pass_steps
        );
    }
    for (id, p) in model.populations.iter() {
        let kind = p.dynamics.describe();
        let bias = match &p.bias {
            Bias::Zero => "no bias",
            Bias::Channel(_) => "channel bias",
            Bias::Neuron(_) => "neuron bias",
            Bias::Host => "host bias",
        };
        let window = format!("steps {}..{}", p.window.start, p.window.end());
        text += &format!("{id} {}: {} {kind}, {bias}, {window}\n", model.layer_name(id), p.shape);
    }
    text
}

/// Integer arrays: decimal words in one string in text, plain sequences in binary.
pub mod packed {
    use std::fmt::{self, Display};
    use std::marker::PhantomData;
    use std::str::FromStr;

    use serde::de::{Error as _, SeqAccess, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// For `#[serde(with)]`.
    pub fn serialize<T: Display + Serialize, S: Serializer>(
        values: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serialize_all(values.iter(), serializer)
    }

    /// The numbers of an iterator that knows how many they are.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize_all<T: Display + Serialize, S: Serializer>(
        values: impl Iterator<Item = T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.collect_seq(values);
        }
        use std::fmt::Write as _;
        let mut text = String::with_capacity(values.size_hint().0 * 4);
        for (i, value) in values.enumerate() {
            let gap = if i == 0 { "" } else { " " };
            write!(text, "{gap}{value}").expect("writing to a string");
        }
        serializer.serialize_str(&text)
    }

    /// For `#[serde(with)]`.
    ///
    /// # Errors
    /// A word that is no integer of the type.
    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
    where
        T: FromStr<Err: Display> + Deserialize<'de>,
        D: Deserializer<'de>,
    {
        collect(deserializer)
    }

    /// The numbers in a collection, into which they go one by one.
    ///
    /// # Errors
    /// A word that is no integer of the type.
    pub fn collect<'de, T, C, D>(deserializer: D) -> Result<C, D::Error>
    where
        T: FromStr<Err: Display> + Deserialize<'de>,
        C: FromIterator<T>,
        D: Deserializer<'de>,
    {
        if !deserializer.is_human_readable() {
            return deserializer.deserialize_seq(Numbers(PhantomData));
        }
        let text = String::deserialize(deserializer)?;
        text.split_ascii_whitespace().map(|word| word.parse().map_err(D::Error::custom)).collect()
    }

    /// Reads a sequence of `T` into a `C`.
    struct Numbers<T, C>(PhantomData<(T, C)>);

    impl<'de, T: Deserialize<'de>, C: FromIterator<T>> Visitor<'de> for Numbers<T, C> {
        type Value = C;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of integers")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<C, A::Error> {
            std::iter::from_fn(|| list.next_element().transpose()).collect()
        }
    }
}
