//! What an SVG says of an element's properties: by attributes, style sheets, and `style`.

use resvg::usvg::roxmltree::{Document, Node};
use simplecss::{AttributeOperator, DeclarationTokenizer, Element, PseudoClass, StyleSheet};

/// The style sheets of an SVG.
pub(crate) struct Css<'a>(StyleSheet<'a>);

impl<'a> Css<'a> {
    pub(crate) fn of(document: &'a Document<'_>) -> Self {
        let mut sheet = StyleSheet::new();
        for style in document.descendants().filter(|node| node.tag_name().name() == "style") {
            sheet.parse_more(style.text().unwrap_or_default());
        }
        Self(sheet)
    }

    /// What an element, or else the nearest one around it, says of a property.
    pub(crate) fn property(&self, element: Node<'a, '_>, name: &str) -> Option<&'a str> {
        let mut around = element.ancestors().filter(Node::is_element);
        around.find_map(|element| self.own_property(element, name))
    }

    fn own_property(&self, element: Node<'a, '_>, name: &str) -> Option<&'a str> {
        let rules = self.0.rules.iter().filter(|rule| rule.selector.matches(&Styled(element)));
        // The later of them goes before, as they are in the order of their weight.
        let of_sheet = rules.flat_map(|rule| &rule.declarations);
        let of_element = element.attribute("style").map(DeclarationTokenizer::from);
        let of_element = of_element.into_iter().flatten();
        let all = of_sheet.copied().chain(of_element).filter(|said| said.name == name);
        let last = all.reduce(|before, said| match before.important && !said.important {
            true => before,
            false => said,
        });
        last.map(|said| said.value).or_else(|| element.attribute(name))
    }
}

struct Styled<'a, 'input>(Node<'a, 'input>);

impl Element for Styled<'_, '_> {
    fn parent_element(&self) -> Option<Self> {
        self.0.parent_element().map(Self)
    }

    fn prev_sibling_element(&self) -> Option<Self> {
        self.0.prev_sibling_element().map(Self)
    }

    fn has_local_name(&self, name: &str) -> bool {
        self.0.tag_name().name() == name
    }

    fn attribute_matches(&self, name: &str, operator: AttributeOperator<'_>) -> bool {
        self.0.attribute(name).is_some_and(|value| operator.matches(value))
    }

    fn pseudo_class_matches(&self, class: PseudoClass<'_>) -> bool {
        matches!(class, PseudoClass::FirstChild) && self.prev_sibling_element().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_and_weightiest_word_counts() {
        let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" fill="inherited">
            <style>
                text { font-size: 7px; letter-spacing: 1 !important }
                .big { font-size: 20px }
                #one { word-spacing: 3 }
            </style>
            <g font-weight="bold">
                <text id="one" class="big" font-size="5" font-style="italic"
                    style="letter-spacing: 2; font-family: 'A; B', serif"/>
            </g></svg>"#;
        let document = Document::parse(svg).unwrap();
        let css = Css::of(&document);
        let text = document.descendants().find(|node| node.has_tag_name("text"));
        let text = text.or_else(|| document.descendants().find(|n| n.tag_name().name() == "text"));
        for (name, value) in [
            ("font-size", Some("20px")),
            ("letter-spacing", Some("1")),
            ("word-spacing", Some("3")),
            ("font-weight", Some("bold")),
            ("font-style", Some("italic")),
            ("font-family", Some("'A; B', serif")),
            ("fill", Some("inherited")),
            ("stroke", None),
        ] {
            assert_eq!(css.property(text.unwrap(), name), value, "{name}");
        }
    }
}
