//! What a request's extensions can tell about an attempt.

/// How often a request was sent before; put into the request's extensions by whoever tries again.
///
/// # Shape
/// 0 for the first attempt, which is also what its absence means; 1 for the first repetition.
///
/// # Source
/// OpenTelemetry semantic conventions 1.44.0, `http.request.resend_count`.
///
/// # Example
/// ```
/// let mut again = http::Request::new(());
/// again.extensions_mut().insert(campanile::ResendCount(1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "a number")]
pub struct ResendCount(pub u32);

/// The template behind a request's path, such as `/orders/{id}`; put into the request's extensions by whoever knows it.
///
/// It makes the name of the span `GET /orders/{id}` in place of `GET`.
///
/// # Source
/// OpenTelemetry semantic conventions 1.44.0, `url.template`.
///
/// # Example
/// ```
/// let mut request = http::Request::get("http://stock.example/items/17").body(())?;
/// request.extensions_mut().insert(campanile::UrlTemplate("/items/{id}"));
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a text")]
pub struct UrlTemplate(pub &'static str);
