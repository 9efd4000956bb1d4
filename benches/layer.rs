//! What the layer costs a request for something else, which every request of the application pays:
//! `cargo bench --bench layer`

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Empty;
use tower::{Layer, Service, service_fn};
use tower_livebadge::{Badge, LiveBadgeLayer};

type Nothing = Empty<&'static [u8]>;

/// Of no badge: short, long, and almost one.
const PATHS: [&str; 3] =
    ["/", "/api/v1/users/42/orders?sort=date&page=7", "/rooms/lobby/online.gif"];

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

criterion_group!(benches, other_paths);
criterion_main!(benches);
