//! What the layer costs a request for something else, which every request of the application pays, and what it
//! costs that a viewer comes, sees a picture, and goes: `cargo bench --bench layer`

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;

use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use tower::{Layer, Service, service_fn};
use tower_livebadge::{Badge, LiveBadgeLayer};

type Nothing = Empty<&'static [u8]>;

/// Of no badge: short, long, and almost one.
const PATHS: [&str; 3] =
    ["/", "/api/v1/users/42/orders?sort=date&page=7", "/rooms/lobby/online.gif"];

const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";

fn other_paths(criterion: &mut Criterion) {
    let badges = LiveBadgeLayer::builder()
        .badge("/online.png", Badge::online())
        .badge("/rooms/{room}/online.png", Badge::online())
        .build()
        .expect("valid badges");
    for path in PATHS {
        let mut group = criterion.benchmark_group(path.replace('/', "_"));
        measure(&mut group, "without", path, service_fn(answer));
        measure(&mut group, "with", path, badges.layer(service_fn(answer)));
    }
}

fn measure<S, B>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, path: &str, mut service: S)
where
    S: Service<Request<Nothing>, Response = Response<B>>,
    B: Body,
{
    let request = Request::get(path)
        .header("host", "localhost")
        .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
        .header("user-agent", "bench")
        .body(Nothing::new())
        .expect("a valid request");
    group.bench_function(name, |bencher| {
        let call = |request| black_box(service.call(request).now_or_never());
        bencher.iter_batched(|| request.clone(), call, BatchSize::SmallInput);
    });
}

fn answer(_: Request<Nothing>) -> Ready<Result<Response<Nothing>, Infallible>> {
    ready(Ok(Response::new(Nothing::new())))
}

/// With what Chromium says.
fn join(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let badge = || Badge::online().max_rate(1.0);
    let badges = LiveBadgeLayer::builder()
        .badge("/online.png", badge())
        .badge("/rooms/{room}/online.png", badge())
        .build()
        .expect("valid badges");
    let mut service = badges.layer(service_fn(answer));
    let mut request = |path: &str| {
        let request = Request::get(path)
            .header("host", "localhost:3000")
            .header("connection", "keep-alive")
            .header("sec-ch-ua-platform", "\"Linux\"")
            .header("user-agent", CHROMIUM)
            .header("sec-ch-ua", r#""Chromium";v="156", "Not)A;Brand";v="24""#)
            .header("sec-ch-ua-mobile", "?0")
            .header("accept", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8")
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "no-cors")
            .header("sec-fetch-dest", "image")
            .header("referer", "http://localhost:3000/")
            .header("accept-encoding", "gzip, deflate, br, zstd")
            .header("accept-language", "en-US,en;q=0.9")
            .body(Nothing::new());
        let request = request.expect("a valid request");
        let answered = service.call(request).now_or_never().expect("at once");
        answered.expect("an answer").into_body()
    };
    let mut group = criterion.benchmark_group("a viewer comes and goes");
    group.bench_function("the only one in a room", |bencher| {
        bencher.to_async(&runtime).iter(|| {
            let body = request("/rooms/lobby/online.png");
            async {
                see(body).await;
                // The room ends.
                tokio::task::yield_now().await;
            }
        });
    });
    let mut others = request("/online.png");
    runtime.block_on(async { others.frame().await });
    group.bench_function("where others are", |bencher| {
        bencher.to_async(&runtime).iter(|| see(request("/online.png")));
    });
}

async fn see<B: Body<Data = Bytes> + Unpin>(mut body: B) {
    let frame = body.frame().await;
    assert!(frame.is_some_and(|frame| frame.is_ok()), "a picture");
}

criterion_group!(benches, other_paths, join);
criterion_main!(benches);
