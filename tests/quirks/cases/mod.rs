//! All cases.

mod changes;
mod embeddings;
mod endings;
mod frames;
mod pages;
mod presence;
mod reconnecting;
mod wire;

use std::pin::Pin;

use tower_livebadge::Format;

use super::scene::Scene;
use super::serve::Transport::{H1, H2};

/// Something that every browser must show.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: fn(Scene) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

macro_rules! cases {
    ($($name:literal: $module:ident::$case:ident($($argument:expr),*);)+) => {
        &[$(Case {
            name: $name,
            run: |scene| Box::pin($module::$case(scene $(, $argument)*)),
        }),+]
    };
}

pub(crate) const ALL: &[Case] = cases! {
    "changes over h1": changes::are_shown(H1);
    "changes over h2": changes::are_shown(H2);
    "bursts over h1": changes::of_a_burst_the_last_is_shown(H1);
    "bursts over h2": changes::of_a_burst_the_last_is_shown(H2);
    "sizes and colour types over h1": changes::of_size_and_colour_type_are_shown(H1);
    "sizes and colour types over h2": changes::of_size_and_colour_type_are_shown(H2);
    "heartbeats over h1": changes::after_heartbeats_are_shown(H1);
    "heartbeats over h2": changes::after_heartbeats_are_shown(H2);
    "heartbeats in an iframe": changes::after_heartbeats_in_a_document_are_shown(H1);

    "SVG": changes::of_format_are_shown(Format::Svg);

    "cross-origin over h1": wire::a_tiny_picture_is_shown_on_another_site(H1);
    "cross-origin over h2": wire::a_tiny_picture_is_shown_on_another_site(H2);
    "sizes on another site": wire::pictures_of_all_sizes_are_shown_on_another_site(H1);
    "compression over h1": wire::compression_leaves_streams_alone(H1);
    "compression over h2": wire::compression_leaves_streams_alone(H2);
    "gzip by force over h1": wire::compressed_streams_are_shown(H1);
    "gzip by force over h2": wire::compressed_streams_are_shown(H2);

    "one URL twice": presence::of_one_url_twice_is_one_stream(H1);
    "five badges over h1": presence::of_many_badges(5, H1);
    "twenty badges over h2": presence::of_many_badges(20, H2);
    "who comes later": presence::of_who_comes_later(H1);
    "one URL in two tabs": presence::of_one_url_in_two_tabs(H1);
    "reload over h1": presence::is_right_after_a_reload(H1);
    "reload over h2": presence::is_right_after_a_reload(H2);
    "navigation over h1": presence::is_right_after_navigation(H1);
    "navigation over h2": presence::is_right_after_navigation(H2);
    "navigation from an iframe": presence::is_right_after_navigation_from_an_iframe(H1);

    "a restart": endings::are_over_for_a_frame_after_a_restart(true);
    "a sudden restart": endings::are_over_for_a_frame_after_a_restart(false);
    "polite end over h1": endings::keep_the_picture(r#"<img src="/live.png">"#, H1);
    "polite end over h2": endings::keep_the_picture(r#"<img src="/live.png">"#, H2);
    "polite end in an iframe": endings::keep_the_picture(
        r#"<iframe src="/live.png" style="border: 0"></iframe>"#, H1
    );

    "a frame's page over h1": frames::show_picture_and_words(H1);
    "a frame's page over h2": frames::show_picture_and_words(H2);
    "a frame's page is left": frames::are_left_at_once();
    "a frame's page in two tabs": frames::are_live_in_two_tabs();
    "a frame's page on another site": frames::are_live_in_a_sandbox_of_another_site();
    "a frame's page on an isolated page": frames::are_live_on_isolated_pages();
    "a frame's page begins anew": frames::begin_anew_after_many_changes();
    "a frame's page after a restart": frames::come_back_after_a_restart(true);
    "a frame's page after a sudden restart": frames::come_back_after_a_restart(false);

    "a sudden outage": frames::come_back_after_an_outage(false);
    "an outage of an embed that reconnects": reconnecting::come_back_by_themselves();

    "load": pages::are_loaded_while_a_snippet_streams();
    "isolation": pages::that_are_isolated_show_badges_of_others();
    "a service worker": pages::with_a_service_worker_are_live();
    "queries taken away": pages::behind_what_takes_queries_away_are_live();

    "srcset": embeddings::are_live(r#"<img srcset="/live.png 1x">"#);
    "picture": embeddings::are_live(r#"<picture><source srcset="/live.png"><img></picture>"#);
    "CSS background": embeddings::in_css_are_live(
        r#"<div style="width: 120px; height: 80px; background: url(/live.png)"></div>"#
    );
    "CSS content": embeddings::in_css_are_live(r#"<div style="content: url(/live.png)"></div>"#);
    "input": embeddings::are_live(r#"<input type="image" src="/live.png">"#);
    "SVG image": embeddings::are_live(
        r#"<svg width="200" height="200"><image href="/live.png" width="120" height="80"/></svg>"#
    );
    "video poster": embeddings::are_live(
        r#"<video poster="/live.png" width="120" height="80"></video>"#
    );
    // As below: a document.
    "iframe": embeddings::are_live(r#"<iframe src="/live.png" style="border: 0"></iframe>"#);
    // WebKitGTK 2.50 never fires `load` while a picture streams, unless it is lazy.
    "lazy": embeddings::are_live(r#"<img loading="lazy" src="/live.png">"#);
    "direct navigation over h1": embeddings::include_the_stream_itself(H1);
    "direct navigation over h2": embeddings::include_the_stream_itself(H2);
    "object": embeddings::as_documents_are_live_but_for_firefox(
        r#"<object data="/live.png"></object>"#
    );
    "embed": embeddings::as_documents_are_live_but_for_firefox(r#"<embed src="/live.png">"#);
};

#[cfg(all(feature = "jpeg", feature = "webp"))]
pub(crate) const OF_FEATURES: &[Case] = cases! {
    "JPEG": changes::of_format_are_shown(Format::jpeg(85));
    "WebP": changes::of_format_are_shown(Format::WebP);
};
#[cfg(not(all(feature = "jpeg", feature = "webp")))]
pub(crate) const OF_FEATURES: &[Case] = &[];
