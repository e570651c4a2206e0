//! Who is speaking: the service that the records come from.

/// Attributes of the process that every record comes from.
///
/// # Shape
/// Keys are unique and in the order in which they were first set; all values are text.
/// `service.name` is always present.
///
/// # Source
/// OpenTelemetry semantic conventions 1.44.0, resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    attributes: Vec<(String, String)>,
}

impl Resource {
    /// Sets an attribute, replacing an earlier value of the same key.
    pub(crate) fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let (key, value) = (key.into(), value.into());
        match self.attributes.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => self.attributes.push((key, value)),
        }
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// All attributes.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> + '_ {
        self.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// `service.name`; empty only for a resource that was never set up.
    #[must_use]
    pub fn service_name(&self) -> &str {
        self.attribute("service.name").unwrap_or_default()
    }
}
