//! Apps under measurement.
