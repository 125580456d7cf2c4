//! The one integration test binary.

mod capture_generated;
mod captures;
