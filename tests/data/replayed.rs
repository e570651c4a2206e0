// campanile show 8f2c1a2b
// without these headers, whose values are not stored: authorization
#[tokio::test]
async fn post_orders_id_checkout_is_answered_with_502() {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    let request = Request::builder()
        .method("POST")
        .uri("/orders/17/checkout?lang=de&x={1}")
        .header("content-type", "application/json")
        .header("accept", r#"text/"html""#)
        .body(Body::from("{\"size\": \"42\",\n \"note\": \"it's 5\\\" \u{202e}\"}"))
        .unwrap();
    let (response, body) = app().oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let body = String::from_utf8_lossy(&body);
    assert_eq!(response.status.as_u16(), 502, "{body}");
}
