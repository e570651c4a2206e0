//! What must not travel.
