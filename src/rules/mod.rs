//! (door plate to come)
