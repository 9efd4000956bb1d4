use std::future::poll_fn;
use std::task::Poll;

use resvg::usvg::fontdb::Database;

use super::*;
#[cfg(feature = "embedded-font")]
use crate::picture::look::Look;
#[cfg(feature = "embedded-font")]
use crate::picture::template::Template;
use crate::request::theme::Theme;

#[test]
fn a_panic_ends_at_the_drawing_thread() {
    let drawn: Result<(), _> = on_a_roomy_stack(|| panic!("a drawing library's bug"));
    assert!(matches!(drawn, Err(PaintError::Panicked)));
}

fn drawing(inside: &str) -> Drawing {
    let svg =
        format!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30">{inside}</svg>"#);
    let style = Style::new(Theme::Light, 1.0);
    Drawing { svg: svg.into(), style, format: Format::Png, has_names: false }
}

#[test]
fn text_without_any_font_is_found() {
    let raster = Raster::new(Fonts::of(Database::new()), Images::default());
    let checked = raster.check(&drawing("<text y='9'>hi</text>"));
    assert!(matches!(checked, Err(CheckError::Flaw(Flaw::NoFont))), "{checked:?}");
    raster.check(&drawing("<rect width='9' height='9'/>")).unwrap();
}

#[test]
fn what_was_drawn_while_somebody_waited_is_not_drawn_again() {
    let raster = Raster::new(Fonts::new(Vec::new()).unwrap(), Images::default());
    let draw = || raster.draw_now(drawing("<rect width='9' height='9'/>"), &"/x".into()).unwrap();
    let (first, second) = (draw(), draw());
    assert!(first.took.is_some() && second.took.is_none());
    assert_eq!(first.picture, second.picture);
}

#[tokio::test]
async fn a_still_is_refused_where_too_many_wait_and_what_is_live_is_not() {
    let raster = Arc::new(Raster::new(Fonts::new(Vec::new()).unwrap(), Images::default()));
    let noise = |number: usize| {
        drawing(&format!(
            r##"<filter id="noise"><feTurbulence baseFrequency=".1{number}"/></filter>
              <rect width="40" height="30" filter="url(#noise)"/>"##
        ))
    };
    let draw = |number, lane| Box::pin(raster.clone().draw(noise(number), lane, "/x".into()));
    let mut stills: Vec<_> = (0..200).map(|number| draw(number, Lane::Still)).collect();
    // They begin at the same time.
    let begun = poll_fn(|cx| {
        Poll::Ready(stills.iter_mut().map(|still| still.as_mut().poll(cx)).collect::<Vec<_>>())
    });
    let refused =
        begun.await.into_iter().filter(|still| matches!(still, Poll::Ready(Err(PaintError::Busy))));
    assert!((50..=136).contains(&refused.count()));
    draw(999, Lane::Live).await.unwrap();
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_not_drawn() {
    let raster = Arc::new(Raster::new(Fonts::new(Vec::new()).unwrap(), Images::default()));
    let drawing = |noise: &str| {
        let svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300">
              <filter id="noise"><feTurbulence baseFrequency="{noise}"/></filter>
              <rect width="400" height="300" filter="url(#noise)"/></svg>"##
        );
        Drawing { svg: svg.into(), ..drawing("") }
    };
    let draw = |drawing| raster.clone().draw(drawing, Lane::Live, "/x.png".into());
    // All threads are busy with these.
    let before: Vec<_> = (1..40).map(|n| drawing(&format!(".{n}"))).collect();
    let mut draws: Vec<_> = before.iter().map(|drawing| Box::pin(draw(drawing.clone()))).collect();
    let mut gone = Box::pin(draw(drawing(".999")));
    let begun = poll_fn(|cx| {
        draws.iter_mut().for_each(|draw| _ = draw.as_mut().poll(cx));
        Poll::Ready(gone.as_mut().poll(cx))
    });
    assert!(begun.await.is_pending());
    drop(gone);
    // This one comes after it.
    draw(drawing(".9999")).await.unwrap();
    assert!(raster.cached(&drawing(".9999"), &"/x.png".into()).is_some());
    assert!(raster.cached(&drawing(".999"), &"/x.png".into()).is_none());
}

/// What a look's picture is for so many visitors, as SVG.
#[cfg(feature = "embedded-font")]
fn filled(look: &Look, raster: &Arc<Raster>, visitors: usize, stale: bool) -> Drawing {
    let measuring = raster.clone();
    let width_of = move |line: &Line| measuring.width_of(line, true);
    let mut template = Template::parse(look.svg().into(), 64, width_of).unwrap();
    look.add_texts(&mut template).unwrap();
    let slots = minijinja::context! { visitors, stale, theme => "dark", joins => visitors };
    let slots = look.slots(&template, &slots, |_| ()).unwrap();
    let svg = template.fill(&slots).unwrap().into();
    Drawing { svg, ..drawing("") }
}

#[cfg(feature = "embedded-font")]
#[test]
fn layers_one_by_one_are_the_picture_to_the_pixel() {
    let raster = Arc::new(Raster::new(Fonts::new(Vec::new()).unwrap(), Images::default()));
    let looks: [fn(&'static str) -> Look; 5] =
        [Look::flat, Look::flat_square, Look::plastic, Look::for_the_badge, Look::social];
    let of_label = |label| looks.iter().map(move |look| look(label));
    let logo = Look::flat("").logo("M12 2l9 20H3z").color("#fe7d37");
    let all = ["online", "متصل", "Z͑ͫ̓aͣlgo", "a & <b>", "🦀"].into_iter().flat_map(of_label);
    for look in all.chain([logo, Look::flat("wide").width(72.0).message("{{ visitors }} people")]) {
        for (visitors, stale) in [(0, false), (9, false), (12, false), (13, false), (13, true)] {
            for scale in [1.0, 2.0, 3.5] {
                let filled = filled(&look, &raster, visitors, stale);
                let drawing = Drawing { style: Style::new(Theme::Dark, scale), ..filled };
                let whole =
                    raster.paint(&drawing, &Stack::whole(&drawing.svg), None, |_| ()).unwrap().0;
                let layered =
                    raster.paint(&drawing, &Stack::of(&drawing.svg), None, |_| ()).unwrap().0;
                assert!(whole == layered, "{look:?} for {visitors} at {scale}");
                let layers = Stack::of(&drawing.svg).len();
                assert_eq!(layers > 1, !stale, "{}", drawing.svg);
            }
        }
    }
}

#[cfg(feature = "embedded-font")]
#[test]
fn no_layer_of_a_picture_with_names_is_kept() {
    let raster = Arc::new(Raster::new(Fonts::new(Vec::new()).unwrap(), Images::default()));
    let drawing = |has_names| {
        let filled = filled(&Look::flat("online"), &raster, 12, false);
        Drawing { has_names, ..filled }
    };
    let known = || raster.layers.known(&Stack::of(&drawing(false).svg), 1.0).is_some();
    raster.draw_now(drawing(true), &"/x".into()).unwrap();
    assert!(!known());
    raster.draw_now(drawing(false), &"/x".into()).unwrap();
    assert!(known());
}
