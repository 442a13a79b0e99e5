//! The one integration-test binary: whole programs, real peers, and the rules of the house.

mod http_golden;
