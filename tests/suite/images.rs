//! The application's own images inside of templates and looks.
#![cfg(feature = "images")]

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use resvg::tiny_skia::{Color, Pixmap};
use tower::ServiceExt;
use tower_livebadge::{Badge, BuildErrorKind, Format, LiveBadgeLayer, LiveBadgeLayerBuilder, Look};

/// All of one colour.
fn png(width: u32, height: u32, color: [u8; 3]) -> Vec<u8> {
    let mut pixmap = Pixmap::new(width, height).expect("a picture of some size");
    pixmap.fill(Color::from_rgba8(color[0], color[1], color[2], 255));
    pixmap.encode_png().expect("a picture can be encoded")
}

fn jpeg(width: u16, height: u16, color: [u8; 3]) -> Vec<u8> {
    let pixels = color.repeat(usize::from(width) * usize::from(height));
    let mut jpeg = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut jpeg, 90);
    encoder.encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb).expect("a small picture");
    jpeg
}

fn svg(inside: &str) -> Badge {
    Badge::svg(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">{inside}</svg>"#
    ))
}

async fn get(builder: LiveBadgeLayerBuilder, query: &str) -> Bytes {
    let service = builder.build().expect("a right badge").into_service();
    let request = Request::get(format!("/x.png{query}")).body(Empty::<Bytes>::new());
    let reply = service.oneshot(request.expect("a right request")).await.expect("never fails");
    reply.into_body().collect().await.expect("a still is whole").to_bytes()
}

/// The pixel at this place, in CSS pixels, as red, green and blue.
async fn pixel(builder: LiveBadgeLayerBuilder, x: u32, y: u32) -> [u8; 3] {
    let picture = Pixmap::decode_png(&get(builder, "").await).expect("a still is a picture");
    let pixel = picture.pixel(x * 2, y * 2).expect("a place in the picture");
    [pixel.red(), pixel.green(), pixel.blue()]
}

fn is_like(a: [u8; 3], b: [u8; 3]) -> bool {
    a.into_iter().zip(b).all(|(a, b)| a.abs_diff(b) < 8)
}

#[tokio::test]
async fn a_template_shows_images_by_their_names() {
    let images = || {
        let builder = LiveBadgeLayer::builder().image("cat", png(10, 10, [200, 10, 20]));
        builder.image("my-dog_2.jpg", jpeg(16, 16, [10, 20, 200]))
    };
    let badge = || {
        svg(r#"<image href="image:cat" width="20" height="20"/>
            <image xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href='image:my-dog_2.jpg' x="20" width="20" height="20"/>"#)
    };
    let layer = || images().badge("/x.png", badge());
    assert!(is_like(pixel(layer(), 10, 10).await, [200, 10, 20]));
    assert!(is_like(pixel(layer(), 30, 10).await, [10, 20, 200]));
    // Which one may depend on what is shown.
    let by_value = svg(
        r#"<image href="image:{{ 'cat' if visitors == 0 else 'my-dog_2.jpg' }}" width="40" height="20"/>"#,
    );
    assert!(is_like(pixel(images().badge("/x.png", by_value), 20, 10).await, [200, 10, 20]));
}

#[tokio::test]
async fn a_look_has_an_image_for_its_logo() {
    for (look, y) in [
        (Look::flat("x"), 10),
        (Look::flat_square(""), 10),
        (Look::plastic("x"), 9),
        (Look::for_the_badge("x"), 14),
        (Look::social("x"), 10),
    ] {
        let layer = LiveBadgeLayer::builder().image("cat", png(10, 10, [200, 10, 20]));
        let x = if y == 14 { 16 } else { 12 };
        let layer = layer.badge("/x.png", Badge::look(look.clone().logo_image("cat")));
        let found = pixel(layer, x, y).await;
        assert!(is_like(found, [200, 10, 20]), "{look:?}: {found:?}");
    }
}

#[tokio::test]
async fn a_browser_gets_them_inside() {
    let (cat, dog) = (png(10, 10, [200, 10, 20]), jpeg(16, 16, [10, 20, 200]));
    let badge = svg(r#"<image href="image:cat" width="20" height="20"/>
        <image href='image:dog' x="20" width="20" height="20"/><text y="9">image:cat</text>"#);
    let layer = LiveBadgeLayer::builder().image("cat", cat.clone()).image("dog", dog.clone());
    let text = get(layer.badge("/x.png", badge.format(Format::Svg)), "").await;
    let text = std::str::from_utf8(&text).expect("SVG is text");
    use base64::Engine;
    let base64 = |data: &[u8]| base64::engine::general_purpose::STANDARD.encode(data);
    assert!(text.contains(&format!(r#"href="data:image/png;base64,{}""#, base64(&cat))), "{text}");
    assert!(text.contains(&format!("href='data:image/jpeg;base64,{}'", base64(&dog))), "{text}");
    assert!(text.contains(">image:cat<"), "{text}");
    assert!(!text.contains("href=\"image:"), "{text}");
    // By ?format=svg, too.
    let badge = svg(r#"<image href="image:cat" width="20" height="20"/>"#);
    let layer = LiveBadgeLayer::builder().image("cat", cat.clone()).badge("/x.png", badge);
    assert!(get(layer, "?format=svg").await.windows(5).any(|bytes| bytes == b"data:"));
}

#[test]
fn an_unknown_name_is_found() {
    let layer = || {
        LiveBadgeLayer::builder().image("cat", png(1, 1, [0; 3])).image("dog", png(1, 1, [0; 3]))
    };
    for badge in [
        svg(r#"<image href="image:cow" width="9" height="9"/>"#),
        svg(r#"{% if visitors > 20 %}<image href="image:cow" width="9" height="9"/>{% endif %}"#),
        Badge::look(Look::flat("x").logo_image("cow")),
    ] {
        let error = layer().badge("/x.png", badge).build().expect_err("there is no cow");
        assert!(
            matches!(error.kind(), BuildErrorKind::UnknownImage { name, .. } if name == "cow"),
            "{error}"
        );
        let message = error.to_string();
        for word in ["/x.png", "cow", "cat, dog", "image"] {
            assert!(message.contains(word), "{message} does not say {word}");
        }
    }
    for href in ["image:", "cat", "image:/etc/passwd", "image:../cat", "data:image/png;base64,AAAA"]
    {
        let badge = svg(&format!(r#"<image href="{href}" width="9" height="9"/>"#));
        assert!(layer().badge("/x.png", badge).build().is_err(), "{href}");
    }
}

#[test]
fn what_is_no_small_image_is_refused() {
    let noise: Vec<u8> =
        (0..1_200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let truncated = |mut image: Vec<u8>, by: usize| {
        image.truncate(image.len() - by);
        image
    };
    let large = [png(1, 1, [0; 3]), noise].concat();
    for (name, data, says) in [
        ("cat", b"GIF89a".to_vec(), "PNG"),
        ("cat", Vec::new(), "PNG"),
        ("cat", b"\x89PNG\r\n\x1a\n".to_vec(), "decoded"),
        ("cat", truncated(png(30, 30, [1, 2, 3]), 25), "decoded"),
        ("cat", b"\xFF\xD8\xFF\xE0".to_vec(), "decoded"),
        ("cat", png(1001, 1000, [0; 3]), "1,000,000"),
        ("cat", jpeg(1000, 1001, [0; 3]), "1,000,000"),
        ("cat", large, "1 MiB"),
        ("", png(1, 1, [0; 3]), "name"),
        ("a cat", png(1, 1, [0; 3]), "name"),
        ("cat\"", png(1, 1, [0; 3]), "name"),
    ] {
        let error = LiveBadgeLayer::builder().image(name, data).build().expect_err(says);
        assert!(matches!(error.kind(), BuildErrorKind::NamedImage { .. }), "{error:?}");
        assert!(error.to_string().contains(says), "{error} does not say {says}");
    }
    let twice = LiveBadgeLayer::builder().image("cat", png(1, 1, [0; 3]));
    let error = twice.image("cat", png(2, 2, [0; 3])).build().expect_err("it is there");
    assert!(error.to_string().contains("twice"), "{error}");
    LiveBadgeLayer::builder()
        .image("cat", png(1000, 1000, [0; 3]))
        .build()
        .expect("as large as can be");
}
