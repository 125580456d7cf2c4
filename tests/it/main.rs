//! The one integration test binary.

mod captures;
