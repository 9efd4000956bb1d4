//! What a picture costs, per look, size and format: one that was never drawn, and one that is kept. Straight
//! through the service, as a still of a badge whose number is another one each time: with what it takes to ask
//! for it and to have it drawn on another thread. As SVG it is a template that is filled, as anything else it is
//! drawn and encoded as well.
//! `cargo bench --bench pictures [-- flat]`

use std::hint::black_box;

use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use http::Request;
use http_body_util::{BodyExt, Empty};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tower::ServiceExt;
use tower_livebadge::{Badge, Format, LiveBadge, LiveBadgeLayer, Look, NotFound};

/// All with the same number of digits, so that all are of one size.
const FIRST: usize = 100_000;
/// More than are kept.
const MANY: usize = 800_000;

const TEMPLATE: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="180" height="40">
  <rect width="180" height="40" rx="6" fill="#246"/>
  <text x="90" y="26" font-size="16" fill="#fff" text-anchor="middle">{{ value }} online</text></svg>"##;

fn looks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("PNG at scale 2");
    for (name, badge) in [
        ("flat", valued(Look::flat("online"))),
        ("flat-square", valued(Look::flat_square("online"))),
        ("plastic", valued(Look::plastic("online"))),
        ("for-the-badge", valued(Look::for_the_badge("online"))),
        ("social", valued(Look::social("online"))),
        ("seven-segment", valued(Look::seven_segment(6))),
        ("sparkline", valued(Look::sparkline("online"))),
        ("a template of one's own", Badge::svg(TEMPLATE)),
    ] {
        measure(&mut group, name, badge);
    }
}

fn sizes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("flat, PNG");
    for scale in [1.0, 2.0, 4.0] {
        measure(&mut group, &format!("at scale {scale}"), flat().scale(scale));
    }
}

fn formats(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("flat, at scale 2");
    for (name, format) in [
        ("SVG", Format::Svg),
        ("PNG", Format::Png),
        ("WebP", Format::WebP),
        ("JPEG", Format::jpeg(85)),
    ] {
        measure(&mut group, name, flat().format(format));
    }
}

fn flat() -> Badge {
    valued(Look::flat("online"))
}

fn valued(look: Look) -> Badge {
    Badge::look(look.number("{{ value }}"))
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, badge: Badge) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (number, numbers) = watch::channel(FIRST);
    let badge = badge.values(numbers);
    let badges = LiveBadgeLayer::builder().badge("/x", badge).build().expect("a valid badge");
    let service = badges.into_service();
    let bytes = still(&runtime, &service).len();
    group.bench_function(format!("{name}, {bytes} bytes: never drawn"), |bencher| {
        bencher.iter(|| {
            number.send_modify(|number| *number = FIRST + (*number + 1 - FIRST) % MANY);
            black_box(still(&runtime, &service))
        });
    });
    group.bench_function(format!("{name}: kept"), |bencher| {
        bencher.iter(|| black_box(still(&runtime, &service)));
    });
}

fn still(runtime: &Runtime, service: &LiveBadge<NotFound>) -> Bytes {
    let request = Request::get("/x?still").body(Empty::<Bytes>::new()).expect("a request");
    runtime.block_on(async {
        let answer = service.clone().oneshot(request).await.expect("never fails");
        let picture = answer.into_body().collect().await.expect("never fails");
        picture.to_bytes()
    })
}

criterion_group!(benches, looks, sizes, formats);
criterion_main!(benches);
