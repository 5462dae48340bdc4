//! What a name may be: what people print, type and put into file names.

/// Longest name, in characters.
pub const LONGEST: usize = 200;

/// What is wrong with a name, if anything; completes "the name of the layer ...".
pub fn fault(name: &str) -> Option<String> {
    if name.trim().is_empty() {
        return Some("is empty".into());
    }
    if let Some(control) = name.chars().find(|c| c.is_control()) {
        return Some(format!("holds the control character U+{:04X}", u32::from(control)));
    }
    if is_relay(name) {
        return Some("ends as those of the compiler's relay neurons do".into());
    }
    if is_constant(name) {
        return Some("ends as those of the compiler's neurons that stand for constants do".into());
    }
    let length = name.chars().count();
    (length > LONGEST).then(|| format!("has {length} characters, expected at most {LONGEST}"))
}

/// The name of the relay neurons, counted from 1, that repeat the spikes of a layer.
pub fn relay(layer: &str, number: u32) -> String {
    format!("{layer}.relay{number}")
}

/// Whether a name is one that [`relay`] gives.
pub fn is_relay(name: &str) -> bool {
    let number = name.rsplit_once(".relay").map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The name of the neuron that fires in every timestep for the constants of a layer.
pub fn constant(layer: &str) -> String {
    format!("{layer}.constant")
}

/// Whether a name is one that [`constant`] gives.
pub fn is_constant(name: &str) -> bool {
    name.ends_with(".constant")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printable_and_of_bounded_length() {
        assert_eq!(fault("conv1.größe"), None);
        assert_eq!(fault(&"x".repeat(LONGEST)), None);
        assert_eq!(fault("  ").unwrap(), "is empty");
        assert_eq!(fault("a\u{1b}[2J").unwrap(), "holds the control character U+001B");
        assert_eq!(fault("a\nb").unwrap(), "holds the control character U+000A");
        assert_eq!(fault(&relay("conv1", 2)).unwrap(), "ends as those of the compiler's relay neurons do");
        assert!(
            is_relay("a.relay10") && !is_relay("a.relay") && !is_relay("relay1") && !is_relay("a.relay1x")
        );
        let said = "ends as those of the compiler's neurons that stand for constants do";
        assert_eq!(fault(&constant("conv1")).unwrap(), said);
        assert!(is_constant("a.constant") && !is_constant("constant") && fault("constant").is_none());
        assert_eq!(fault(&"é".repeat(201)).unwrap(), "has 201 characters, expected at most 200");
    }
}
