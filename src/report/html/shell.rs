//! The document around a page: styles, libraries, data and scripts, all inline.
//!
//! The policy in its head forbids every load from elsewhere, so a page that reached for the network would fail on its
//! author's machine already. Text goes through the template's escaping; data lie in a script of type JSON, in which
//! `<` is escaped, so that no name in a model ends it.

use std::ops::Range;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;

/// What pages look like.
const STYLES: [&str; 2] = [include_str!("assets/page.css"), include_str!("assets/parts.css")];
/// The libraries, in the order in which they are needed.
const LIBRARIES: [&str; 3] = [
    include_str!("vendor/d3.min.js"),
    include_str!("vendor/sankey.min.js"),
    include_str!("vendor/plot.min.js"),
];
/// Our scripts, in the order in which they are needed.
const SCRIPTS: [&str; 16] = [
    include_str!("assets/figures.js"),
    include_str!("assets/pictures.js"),
    include_str!("assets/mesh.js"),
    include_str!("assets/cores.js"),
    include_str!("assets/core_steps.js"),
    include_str!("assets/chip.js"),
    include_str!("assets/flow.js"),
    include_str!("assets/energy.js"),
    include_str!("assets/layer_times.js"),
    include_str!("assets/time.js"),
    include_str!("assets/rates.js"),
    include_str!("assets/tornado.js"),
    include_str!("assets/single.js"),
    include_str!("assets/several.js"),
    include_str!("assets/pareto.js"),
    include_str!("assets/page.js"),
];
/// Nothing is loaded from anywhere.
const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// A whole page.
pub(crate) fn document(title: &str, body: &Markup, data: &impl Serialize) -> String {
    let json = serde_json::to_string(data).expect("the data of a page are plain").replace('<', "\\u003c");
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "snnc " (env!("CARGO_PKG_VERSION")) };
                title { (title) }
                @for style in STYLES { style { (PreEscaped(style)) } }
            }
            body {
                a.skip href="#main" { "Skip to the figures" }
                (body)
                footer {
                    p {
                        "Written by snnc " (env!("CARGO_PKG_VERSION"))
                        ". Charts: Observable Plot and D3 (ISC licence), d3-sankey (BSD licence)."
                    }
                }
                noscript {
                    p.notice { "The charts of this page need JavaScript; the tables above do not." }
                }
                script type="application/json" id="data" { (PreEscaped(json)) }
                @for script in LIBRARIES.iter().chain(&SCRIPTS) {
                    script { (PreEscaped(script)) }
                }
            }
        }
    };
    markup.into_string()
}

/// What a section is about.
pub(crate) struct Section<'a> {
    /// Its anchor, and where scripts put its charts.
    pub id: &'a str,
    /// Its heading.
    pub title: &'a str,
    /// What the reader is about to see.
    pub lead: &'a str,
}

impl Section<'_> {
    /// A section with charts, which scripts draw, and what is text.
    pub fn markup(&self, text: &Markup) -> Markup {
        html! {
            section id=(self.id) aria-labelledby={ (self.id) "-title" } {
                h2 id={ (self.id) "-title" } { (self.title) }
                @if !self.lead.is_empty() { p.lead { (self.lead) } }
                div.charts data-charts=(self.id) {}
                (text)
            }
        }
    }
}

/// The head of a page: title, what is told in a line, the way to its sections, and the choice of light or dark.
pub(crate) fn header(title: &str, subtitle: &Markup, sections: &[Section<'_>]) -> Markup {
    html! {
        header.top {
            h1 { (title) }
            button type="button" id="theme" { "Dark or light" }
            div.titles { (subtitle) }
            nav aria-label="Sections" {
                @for section in sections { a href={ "#" (section.id) } { (section.title) } }
            }
        }
    }
}

/// A table that scrolls by itself where the window is narrow. The columns `figures` hold figures, the others words.
pub(crate) fn table(
    caption: &str,
    figures: Range<usize>,
    headings: &[String],
    rows: &[Vec<String>],
) -> Markup {
    let class = |column: usize| figures.contains(&column).then_some("figure");
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { span { (caption) } }
                thead {
                    tr {
                        @for (column, heading) in headings.iter().enumerate() {
                            th scope="col" class=[class(column)] { (heading) }
                        }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            @for (column, cell) in row.iter().enumerate() {
                                @if column == 0 { th scope="row" { (cell) } }
                                @else { td class=[class(column)] { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
