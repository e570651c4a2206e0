//! `cf-ray`: Cloudflare's own id of a request, to be found again in its logs.

#[cfg(test)]
use http::header::HeaderName;

use super::value::Lines;

#[cfg(test)]
static CF_RAY: HeaderName = HeaderName::from_static("cf-ray");

/// The attribute that the id stands under.
///
/// # Source
/// OpenTelemetry semantic conventions 1.44.0, `cloudflare.ray_id`.
pub(crate) const RAY_ID: &str = "cloudflare.ray_id";

/// Most digits of an id; today there are 16.
const MAX_DIGITS: usize = 32;

/// The id: hexadecimal digits, a dash and the three letters of the data centre.
pub(crate) fn ray_id(header: Lines<'_>) -> Option<&str> {
    let value = header.only()?;
    let (rest, place) = value.split_last_chunk::<3>()?;
    let digits = rest.strip_suffix(b"-")?;
    let is_ray = (1..=MAX_DIGITS).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_hexdigit)
        && place.iter().all(u8::is_ascii_alphabetic);
    if is_ray { std::str::from_utf8(value).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::propagator::tests::headers;

    fn ray_id(headers: &HeaderMap) -> Option<&str> {
        super::ray_id(Lines::of(headers, &CF_RAY))
    }

    #[test]
    fn only_what_looks_like_a_ray_id_is_one() {
        for good in ["230b030023ae2822-SJC", "8f2c1a2b3c4d5e6f-fra", "1-LHR"] {
            assert_eq!(ray_id(&headers(&[("CF-Ray", good)])), Some(good));
        }
        let long = format!("{}-SJC", "a".repeat(33));
        for bad in ["", "230b030023ae2822", "230b030023ae2822-", "-SJC", "230b030023ae2822-S1C", "230b0300<script>-SJC", &long] {
            assert_eq!(ray_id(&headers(&[("cf-ray", bad)])), None, "{bad}");
        }
        assert_eq!(ray_id(&headers(&[("cf-ray", "1-LHR"), ("cf-ray", "2-LHR")])), None);
    }
}
