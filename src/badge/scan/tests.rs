//! What is found in tags, and that anything can be looked through.

use proptest::prelude::*;

use super::*;

fn used(source: &str) -> Vec<(&'static str, String)> {
    uses(&tags(source)).iter().map(|used| (used.what, used.name.to_owned())).collect()
}

#[test]
fn filters_and_tests_are_found_where_they_are_used_and_nowhere_else() {
    for (source, wanted) in [
        ("{{ a | b | c(d, 'x | y') }}", vec![("filter", "b"), ("filter", "c")]),
        (
            "{%- set x = a|b -%}{% filter upper %}{% endfilter %}",
            vec![("filter", "b"), ("filter", "upper")],
        ),
        ("{{ a is b and c is not d }}", vec![("test", "b"), ("test", "d")]),
        ("{{ a.is }} | b {# | c #}{% raw %}{{ a | b }}{% endraw %}{{ 'is | x' }}", vec![]),
        ("{{ {'a': {'b': 1}}['a'] | first }}", vec![("filter", "first")]),
        ("{{ \"\\\" | x\" | é }}{{", vec![("filter", "é")]),
        ("{% if a | length > 3 %}{{ a|\nlast }}", vec![("filter", "length"), ("filter", "last")]),
    ] {
        let wanted: Vec<_> =
            wanted.into_iter().map(|(what, name)| (what, name.to_owned())).collect();
        assert_eq!(used(source), wanted, "{source}");
    }
}

#[test]
fn numbers_are_those_that_something_is_compared_with() {
    let source = "> 5 {{ x > 10 and 1000==y }}{% if z <= 10 + 3 %}{{ x < 2.5 }}{{ x == '7' }}\
                  {# > 8 #}{{ 9 }}{{ x != 12 }}{{ x[9] }}";
    assert_eq!(numbers(&tags(source)), [10, 12, 1000]);
}

#[test]
fn an_attribute_is_found_however_it_is_written() {
    for source in [
        "{{ people[0].since }}",
        "{% for one in people %}{{ one['since'] }}{% endfor %}",
        r#"{{ people | map(attribute="since") | max }}"#,
    ] {
        assert!(says(&tags(source), "since"), "{source}");
    }
    assert!(!says(&tags("since {{ since_change }} {{ 'long since' }} {# since #}"), "since"));
    assert!(!says(&tags("{{ 0 | since }}"), "since"), "a filter");
}

#[test]
fn a_slot_is_found_with_its_line() {
    let source = "{{ x.params.y }}\n{{ params.x }}\n{{ params.y }}{{ f(1) }}{{ 'f' }}";
    let tags = tags(source);
    let found = |slot| find_slot(&tags, slot).map(|(at, called)| (line(source, at), called));
    assert_eq!(found("params.y"), Some((3, false)));
    assert_eq!(found("f"), Some((3, true)));
    assert_eq!(found("y"), None);
}

proptest! {
    #[test]
    fn anything_can_be_scanned(
        source in "(\\{[{%#]|[}%#]\\}|if |elif |else|endif|raw|endraw|set |for |[-+|'\"\\\\(){}é .,=<0-9a]|is not |filter ){0,40}"
    ) {
        let tags = tags(&source);
        uses(&tags);
        numbers(&tags);
        find_slot(&tags, "a.a");
        for branch in branches(&tags) {
            branch.forced(&source, &tags);
            prop_assert!(source.get(branch.body.clone()).is_some());
            prop_assert!(source.get(branch.said).is_some());
        }
    }
}

#[test]
fn every_branch_can_be_forced() {
    let source = "{% if a %}A{% if b %}B{% else %}C{% endif %}{% elif c %}D\
                  {% for x in y %}{% if d %}E{% endif %}{% else %}F{% endfor %}\
                  {% else %}G{% endif %}{% if a %}H{% else %}I{% endif %}";
    let tags = tags(source);
    let branches = branches(&tags);
    let bodies: Vec<&str> = branches
        .iter()
        .map(|branch| source[branch.body.clone()].split('{').next().unwrap())
        .collect();
    assert_eq!(bodies, ["A", "B", "C", "D", "E", "G", "H", "I"]);
    let mut environment = minijinja::Environment::new();
    environment.set_debug(false);
    let slots = minijinja::context! { y => [1] };
    for (branch, wanted) in
        branches.iter().zip(["ACH", "ABH", "ACH", "DI", "DEI", "GI", "ACH", "GI"])
    {
        let filled = environment.render_str(&branch.forced(source, &tags), &slots).unwrap();
        assert_eq!(filled, wanted, "{branch:?}");
    }
}
